// The page of several organisations: is the switch there for everybody, and does each page show its own?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { World, row, until } from "./world.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LONG = "an-organisation-with-a-long-name";
let world;

before(async () => {
  const wait = '[organizations.policy]\nwait = "3s"';
  world = await World.several(["acme", "beta", LONG], { acme: wait, beta: wait });
});
after(async () => { await world?.close(); });

/** What an accessibility scan finds. */
async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

test("the overview leads to each, and what happens there shows on both without a reload", async () => {
  const overview = await world.page();
  assert.equal(await overview.locator("article").count(), 3);
  assert.equal(await overview.locator('nav [aria-current="page"]').innerText(), "All");
  const page = await world.page();
  await page.getByRole("navigation").getByRole("link", { name: "acme" }).click();
  assert.equal(new URL(page.url()).search, "?organization=acme");
  assert.equal(await page.locator('nav [aria-current="page"]').innerText(), "acme");
  const id = await world.callback();
  await row(page, id).waitFor();
  await until("a raise shows", async () => Number(await row(page, id).locator("b").innerText()) >= 1);
  await until("and in the overview", async () => /Raised\s+[1-9]/.test(await overview.locator("article").first().innerText()));
  const other = await world.page({ path: "?organization=beta" });
  await other.getByText("Updated as it happens").waitFor();
  assert.equal(await row(other, id).count(), 0, "beta has none of it");
  // The filter stays with the organisation.
  await page.selectOption("#queue", "Support");
  await page.waitForURL(/queue=Support/);
  assert.equal(new URL(page.url()).searchParams.get("organization"), "acme");
  await row(page, id).waitFor();
  for (const one of [overview, page, other]) {
    assert.deepEqual(one.amiss, []);
    await one.close();
  }
  await world.tell(`conversations/${id}/hangup`);
});

test("a keyboard reaches the switch, which stays under the hands of whoever is on it", async () => {
  const page = await world.page({ path: "?organization=beta" });
  await page.getByText("Updated as it happens").waitFor();
  const stops = [];
  for (let stop = 0; stop < 5; stop += 1) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => document.activeElement.textContent.trim()));
  }
  assert.deepEqual(stops, ["Skip to the callbacks", "All", "acme", "beta", LONG]);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/organization=acme/);
  await page.close();
});

test("without a script it is plain links", async () => {
  const page = await world.page({ javaScriptEnabled: false });
  await page.getByRole("navigation").getByRole("link", { name: "beta" }).click();
  assert.match(await page.locator("#health").innerText(), /Ready/);
  await page.getByRole("navigation").getByRole("link", { name: "All" }).click();
  assert.equal(await page.locator("article").count(), 3);
  await page.close();
});

test("an accessibility scan is clean, light and dark, wide and small, and nothing is wider than the screen", async () => {
  for (const path of ["", "?organization=acme", `?organization=${LONG}`]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 360]) {
        const page = await world.page({ path, colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
        await page.getByText("Updated as it happens").waitFor();
        assert.deepEqual(await violations(page), [], `${path} ${colorScheme} ${width}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${path}: ${wide} of ${width}`);
        await page.close();
      }
    }
  }
});

test("one whose platform is gone says so in the switch, and the others stay ready", async () => {
  const page = await world.page({ path: "?organization=acme" });
  // The platform of the second: killed, so that a start finds nobody.
  world.sandboxes[1].kill("SIGKILL");
  await world.stopDaemon();
  const started = world.startDaemon();
  await until("the switch says so", async () => /beta \(not ready\)/.test(await page.locator("nav").innerText()), 60_000);
  await started;
  const ready = await fetch(`${world.url}readyz`);
  assert.equal(ready.status, 200);
  const overview = await world.page({ colorScheme: "dark" });
  await overview.getByText("Updated as it happens").waitFor();
  assert.deepEqual(await violations(overview), []);
  await overview.close();
  await page.close();
});
