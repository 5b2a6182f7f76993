// A contact centre and a daemon as processes, and the page of that daemon in a real browser.

import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../..", import.meta.url).pathname;
const program = process.env.PROGRAM ?? join(root, "target/debug/callback-prioritizer");

/** A port that is free now. */
export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Waits until this is true, with patience. */
export async function until(what, holds, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Starts the program; what it says is kept for whoever asks why. */
function start(args, environment) {
  const child = spawn(program, args, { env: { ...environment, RUST_LOG: "" }, stdio: ["ignore", "ignore", "pipe"] });
  child.said = "";
  child.stderr.on("data", (bytes) => { child.said = (child.said + bytes).slice(-20_000); });
  return child;
}

/** Ends a process and waits for that. */
async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill(signal);
  await ended;
}

/** A contact centre, the daemon that looks after it, and a browser. */
export class World {
  static async open(settings = {}, { browser = true } = {}) {
    const world = new World();
    const [centre, page] = [await freePort(), await freePort()];
    world.folder = mkdtempSync(join(tmpdir(), "page-"));
    world.centre = `http://127.0.0.1:${centre}`;
    world.url = `http://127.0.0.1:${page}/`;
    const all = {
      GENESYS__API_URL: world.centre, GENESYS__LOGIN_URL: world.centre, GENESYS__CLIENT_ID: "sandbox",
      JOURNAL__PATH: join(world.folder, "journal.db"), STATUS__LISTEN: `127.0.0.1:${page}`, ...settings,
    };
    world.environment = { GENESYSCLOUD_OAUTHCLIENT_SECRET: "sandbox" };
    for (const [name, value] of Object.entries(all)) world.environment[`CALLBACK_PRIORITIZER__${name}`] = value;
    world.sandbox = start(["sandbox", "--listen", `127.0.0.1:${centre}`], {});
    await until("the sandbox answers", () => fetch(`${world.centre}/sandbox/writes`).then((answer) => answer.ok, () => false));
    if (browser) await world.launch();
    await world.startDaemon();
    return world;
  }

  /** As many contact centres, and one daemon that looks after all of them by a settings file; what is told is told to the first. */
  static async several(names, more = {}, { browser = true } = {}) {
    const world = new World();
    const page = await freePort();
    world.folder = mkdtempSync(join(tmpdir(), "pages-"));
    world.url = `http://127.0.0.1:${page}/`;
    world.environment = {};
    world.sandboxes = [];
    let settings = `[status]\nlisten = "127.0.0.1:${page}"\n[journal]\npath = "journal.db"\n`;
    for (const [index, name] of names.entries()) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      world.centre ??= url;
      const seed = String(index + 1);
      world.sandboxes.push(start(["sandbox", "--listen", `127.0.0.1:${port}`, "--seed", seed], {}));
      await until("the sandbox answers", () => fetch(`${url}/sandbox/writes`).then((answer) => answer.ok, () => false));
      settings += `[[organizations]]\nname = "${name}"\n[organizations.genesys]\nclient_id = "sandbox"\napi_url = "${url}"\nlogin_url = "${url}"\n${more[name] ?? ""}\n`;
      world.environment[`GENESYSCLOUD_OAUTHCLIENT_SECRET_${name.toUpperCase().replaceAll("-", "_")}`] = "sandbox";
    }
    world.settings = join(world.folder, "settings.toml");
    writeFileSync(world.settings, settings);
    try {
      if (browser) await world.launch();
      await world.startDaemon();
    } catch (failure) {
      // Nobody else could: whoever asked for it gets nothing to close.
      const said = world.daemon?.said;
      await world.close();
      throw new Error(`the daemon says: ${said}`, { cause: failure });
    }
    return world;
  }

  async launch() {
    // Loaded here, so that what needs no browser needs no driver.
    const { chromium } = await import("playwright-core");
    this.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  }

  async startDaemon() {
    this.daemon = start(this.settings ? ["run", "--config", this.settings] : ["run"], this.environment);
    await until("the daemon is ready", () => fetch(`${this.url}readyz`).then((answer) => answer.ok, () => false));
  }

  async stopDaemon(signal = "SIGTERM") { await end(this.daemon, signal); }

  async close() {
    await this.browser?.close();
    if (this.daemon) await this.stopDaemon();
    for (const sandbox of this.sandboxes ?? [this.sandbox]) await end(sandbox, "SIGKILL");
  }

  /** Tells the contact centre something. */
  async tell(path, content) {
    const answer = await fetch(`${this.centre}/sandbox/${path}`, { method: "POST", body: content === undefined ? "" : JSON.stringify(content) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.headers.get("content-type")?.includes("json") ? answer.json() : undefined;
  }

  /** A callback that waits; its id. */
  async callback(content = {}) {
    return (await this.tell("callbacks", { queue: "Support", ...content })).conversationId;
  }

  /** What the daemon knows. */
  async status() { return (await fetch(`${this.url}status.json`)).json(); }

  /** A page in the browser. What its console and its network say is kept: nothing may be amiss there. */
  async page({ path = "", ...options } = {}) {
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    page.amiss = [];
    page.asked = [];
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.amiss.push(message.text()); });
    page.on("pageerror", (error) => page.amiss.push(error.message));
    page.on("request", (request) => page.asked.push(request.url()));
    await page.goto(this.url + path);
    return page;
  }
}

/** The row of a callback. */
export const row = (page, id) => page.locator(`[id="c-${id}"]`);
