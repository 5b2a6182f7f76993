// The metrics as operators use them: scraped by a real Prometheus, with the alerts and the dashboard of config/ on them.
// Needs `promtool` and `prometheus`; the daemon and its contact centre are those of the page's tests.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { World, freePort, until } from "../page/world.mjs";

const root = new URL("../..", import.meta.url).pathname;
const read = (path) => readFileSync(join(root, path), "utf8");
const dashboard = JSON.parse(read("config/grafana.json"));
const targets = dashboard.panels.flatMap((panel) => panel.targets);
let world, prometheus, api;

before(async () => {
  world = await World.open({ POLICY__WAIT: "2s" }, { browser: false });
  const port = await freePort();
  api = `http://127.0.0.1:${port}/api/v1`;
  const config = join(world.folder, "prometheus.yml");
  writeFileSync(config, JSON.stringify({
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [join(root, "config/alerts.yml")],
    scrape_configs: [{ job_name: "callback-prioritizer", static_configs: [{ targets: [new URL(world.url).host] }] }],
  }));
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(world.folder, "tsdb")}`, `--web.listen-address=127.0.0.1:${port}`];
  prometheus = spawn("prometheus", args, { stdio: "ignore" });
  await until("Prometheus answers", () => fetch(`${api}/status/buildinfo`).then((answer) => answer.ok, () => false));
});
after(async () => {
  prometheus?.kill();
  await world?.close();
});

/** What Prometheus makes of an expression. */
async function query(expr) {
  const answer = await (await fetch(`${api}/query?query=${encodeURIComponent(expr)}`)).json();
  assert.equal(answer.status, "success", `${expr}: ${answer.error}`);
  return answer.data.result;
}

/** An expression of the dashboard with its variables filled in. */
const filled = (expr) => expr.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".*").replaceAll("$instance", ".*").replaceAll("$organization", ".*");

test("Prometheus scrapes the daemon, and sees what it does", async () => {
  const id = await world.callback();
  await until("a raise is seen", async () => {
    const [raised] = await query('callback_prioritizer_raises_total{outcome="raised"}');
    return Number(raised?.value[1]) >= 1;
  });
  assert.equal((await query('up{job="callback-prioritizer"} == 1')).length, 1);
  assert.equal((await query('callback_prioritizer_conversations_tracked == 1')).length, 1);
  const { data } = await (await fetch(`${api}/metadata?metric=callback_prioritizer_raises`)).json();
  assert.equal(data.callback_prioritizer_raises[0].type, "counter", "scraped in the newer of the two formats");
  await world.tell(`conversations/${id}/hangup`);
});

test("the plain format is as promtool wants it", async () => {
  const text = await (await fetch(`${world.url}metrics`)).text();
  const said = execFileSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  assert.equal(said, "");
});

test("all alerts are loaded, healthy, and quiet about a daemon that is well", async () => {
  const count = read("config/alerts.yml").match(/- alert: /g).length;
  await until("all were evaluated", async () => {
    const { data } = await (await fetch(`${api}/rules`)).json();
    const rules = data.groups.flatMap((group) => group.rules);
    return rules.length === count && rules.every((rule) => rule.health === "ok");
  });
  assert.deepEqual(await query('ALERTS{alertstate="firing"}'), []);
  // And each of them is tested for when it must not be.
  const tested = read("tests/metrics/alerts.yml");
  for (const [, name] of read("config/alerts.yml").matchAll(/- alert: (\w+)/g)) {
    assert.ok(tested.includes(`alertname="${name}"`), `${name} has no test`);
  }
});

test("every picture of the dashboard is of something, and has a title, a place and a reason", async () => {
  assert.ok(dashboard.panels.length >= 12);
  const ids = new Set(dashboard.panels.map((panel) => panel.id));
  assert.equal(ids.size, dashboard.panels.length);
  for (const { title, description, gridPos, datasource, fieldConfig } of dashboard.panels) {
    assert.ok(title && description && fieldConfig.defaults.unit, title);
    assert.equal(datasource.uid, "${datasource}", title);
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    const overlaps = dashboard.panels.filter(({ gridPos: other }) => other.x < gridPos.x + gridPos.w && gridPos.x < other.x + other.w
      && other.y < gridPos.y + gridPos.h && gridPos.y < other.y + other.h);
    assert.equal(overlaps.length, 1, `${title} is covered`);
  }
  assert.ok(targets.length >= dashboard.panels.length);
  for (const { expr } of targets) await query(filled(expr));
  // All of it is also of one organisation alone, and of the only one, which has no label.
  for (const { expr } of targets) assert.ok(expr.includes('organization=~"$organization"'), expr);
  const tracked = targets.find(({ expr }) => expr.includes("conversations_tracked"));
  assert.equal((await query(filled(tracked.expr))).length, 1);
});

/** Names of all families that the daemon tells, without what all names begin with. */
async function families() {
  const text = await (await fetch(`${world.url}metrics`)).text();
  return [...text.matchAll(/^# TYPE callback_prioritizer_(\S+) (\S+)/gm)].map(([, name, type]) => ({ name, type }));
}

test("what alerts and dashboard speak of is there", async () => {
  const there = new Set((await families()).flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]));
  for (const path of ["config/alerts.yml", "config/grafana.json"]) {
    const names = [...read(path).matchAll(/callback_prioritizer_([a-z_]+[a-z])/g)].map(([, name]) => name);
    assert.ok(names.length > 15, path);
    assert.deepEqual(names.filter((name) => !there.has(name)), [], path);
  }
});

test("the README lists every metric and every alert, and no others", async () => {
  const [, listed, answered] = read("README.md").match(/### Metrics and alerts\n(.*?)### What do I do when\n(.*?)\n### /s);
  const rows = [...listed.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`([a-z_]+)(\{.*?\})?`/g)].map(([, name]) => name));
  assert.deepEqual(rows.sort(), (await families()).map(({ name }) => name).sort());
  const alerts = [...read("config/alerts.yml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const told = [...answered.matchAll(/`(CallbackPrioritizer\w+)`/g)].map(([, name]) => name);
  assert.deepEqual(told.sort(), alerts.sort());
});

test("several organisations are told in one set, each sample with its name, as promtool wants it", async () => {
  const several = await World.several(["acme", "beta"], {}, { browser: false });
  try {
    const text = await (await fetch(`${several.url}metrics`)).text();
    assert.equal(execFileSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" }), "");
    const names = (from) => [...from.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    assert.deepEqual(names(text), names(await (await fetch(`${world.url}metrics`)).text()));
    const samples = text.split("\n").filter((line) => line && !line.startsWith("#") && !line.includes("build_info"));
    for (const line of samples) assert.match(line, /organization="(acme|beta)"/);
    assert.equal(samples.filter((line) => line.startsWith("callback_prioritizer_ready{")).length, 2);
  } finally {
    await several.close();
  }
});
