// The status page as people meet it: does it show what happens, to everybody, without trouble?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { World, row, until } from "./world.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let world;

before(async () => { world = await World.open({ POLICY__WAIT: "3s" }); });
after(async () => { await world?.close(); });

/** What an accessibility scan finds; by the standards' rules and by what is held to be good practice. */
async function violations(page) {
  // The scan is run by the driver in a world of its own, which the page's policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

test("a callback, its raises and its answer appear without a reload", async () => {
  const page = await world.page();
  const id = await world.callback({ priority: 3 });
  await row(page, id).waitFor();
  assert.match(await row(page, id).locator(".queue").innerText(), /Support/);
  assert.match(await row(page, id).locator(".why").innerText(), /will be raised to 4/);
  const countdown = row(page, id).locator("time.next");
  const first = await countdown.innerText();
  await until("the countdown counts", async () => (await countdown.innerText()) !== first);
  await until("a raise shows", async () => Number(await row(page, id).locator("b").innerText()) >= 5);
  assert.match(await row(page, id).locator(".priority").innerText(), /from 3/);
  const line = await row(page, id).locator("polyline").getAttribute("points");
  assert.ok(line.split(" ").length >= 6, line);
  await world.tell(`conversations/${id}/answer`);
  await row(page, id).waitFor({ state: "detached" });
  assert.match(await page.locator("#happened").innerText(), /finished: answered/);
  assert.deepEqual(page.amiss, []);
  await page.close();
});

test("it survives that the daemon is started anew", async () => {
  const page = await world.page();
  const id = await world.callback();
  await row(page, id).waitFor();
  await world.stopDaemon("SIGKILL");
  await page.getByText("No connection to the daemon").waitFor();
  const missed = await world.callback();
  await world.startDaemon();
  await page.getByText("Updated as it happens").waitFor();
  await row(page, missed).waitFor();
  const before = Number(await row(page, id).locator("b").innerText());
  await until("raises go on", async () => Number(await row(page, id).locator("b").innerText()) > before);
  for (const one of [id, missed]) await world.tell(`conversations/${one}/hangup`);
  await row(page, missed).waitFor({ state: "detached" });
  // The lost connection is told by the browser, and nothing else is.
  assert.deepEqual(page.amiss.filter((words) => !/ERR_(CONNECTION|INCOMPLETE)/.test(words)), []);
  await page.close();
});

test("without a script it is a plain table, and the filter works", async () => {
  const context = { javaScriptEnabled: false };
  const ids = [await world.callback(), await world.callback({ queue: "Sales" })];
  await until("both are shown", async () => (await world.status()).callbacks.length === 2);
  const page = await world.page(context);
  assert.equal(await page.locator("tbody tr").count(), 2);
  assert.match(await page.locator("#live").innerText(), /Reload the page/);
  await page.selectOption("#queue", "Sales");
  await page.getByRole("button", { name: "Show" }).click();
  assert.equal(new URL(page.url()).search, "?queue=Sales");
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.equal(await row(page, ids[1]).count(), 1);
  await page.close();

  const live = await world.page({ path: "?queue=Sales" });
  const other = await world.callback({ queue: "Sales" });
  await row(live, other).waitFor();
  assert.equal(await live.locator("tbody tr").count(), 2, "Support is not there");
  await live.selectOption("#queue", "");
  await row(live, ids[0]).waitFor();
  for (const id of [...ids, other]) await world.tell(`conversations/${id}/hangup`);
  await until("nobody waits", async () => (await live.locator("tbody tr").count()) === 0);
  assert.match(await live.locator("#count").textContent(), /Nobody waits/);
  await live.close();
});

test("names of queues are text, whatever stands in them", async () => {
  const name = `<img src=x onerror="document.title='owned'"> & "more"`;
  const { queueId } = await world.tell("queues", { name });
  await world.stopDaemon();
  await world.startDaemon();
  const page = await world.page();
  const id = await world.callback({ queue: queueId });
  await row(page, id).waitFor();
  assert.ok((await row(page, id).locator(".queue").innerText()).startsWith(name));
  assert.equal(await page.locator("tbody img").count(), 0);
  const filtered = await world.page({ path: `?queue=${encodeURIComponent(name)}` });
  await row(filtered, id).waitFor();
  assert.equal(await filtered.title(), `Callbacks waiting in ${name}`);
  assert.deepEqual([...page.amiss, ...filtered.amiss], []);
  await world.tell(`conversations/${id}/hangup`);
  await page.close();
  await filtered.close();
});

test("a keyboard reaches everything, and the first stop is past the figures", async () => {
  const page = await world.page();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the callbacks");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "callbacks");
  const stops = [];
  for (let stop = 0; stop < 5; stop += 1) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.textContent));
  }
  assert.deepEqual(stops, ["queue", "Show", "status.json", "metrics", "readyz"]);
  await page.close();
});

test("an accessibility scan is clean, light and dark, wide and small", async () => {
  const ids = [await world.callback({ priority: 2 }), await world.callback({ queue: "Sales" })];
  await world.tell(`conversations/${ids[0]}/priority`, { priority: 9 });
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 360]) {
      const page = await world.page({ colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
      await row(page, ids[1]).waitFor();
      assert.deepEqual(await violations(page), [], `${colorScheme} ${width}`);
      await page.close();
    }
  }
  // And while it is not well.
  await world.stopDaemon();
  await world.startDaemon();
  const page = await world.page({ colorScheme: "dark", reducedMotion: "reduce" });
  await world.stopDaemon("SIGKILL");
  await page.getByText("No connection to the daemon").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.close();
  await world.startDaemon();
  for (const id of ids) await world.tell(`conversations/${id}/hangup`);
});

test("at 360 pixels nothing is cut off and each value says what it is", async () => {
  const id = await world.callback({ priority: 2 });
  const page = await world.page({ viewport: { width: 360, height: 800 } });
  await row(page, id).waitFor();
  const { wide, cut } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    cut: [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > 361).length,
  }));
  assert.deepEqual({ wide, cut }, { wide: 360, cut: 0 });
  const label = await row(page, id).locator("td.why").evaluate((cell) => getComputedStyle(cell, "::before").content);
  assert.equal(label, '"Why"');
  await world.tell(`conversations/${id}/hangup`);
  await page.close();
});

test("it asks for nothing elsewhere, and its policy holds", async () => {
  const page = await world.page();
  await page.getByText("Updated as it happens").waitFor();
  assert.ok(page.asked.length >= 4, page.asked.join());
  assert.deepEqual(page.asked.filter((url) => !url.startsWith(world.url)), []);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.owned = true";
    document.body.append(script);
    return Boolean(document.owned);
  });
  assert.equal(ran, false, "a script that stands in the page is not run");
  await page.close();
});
