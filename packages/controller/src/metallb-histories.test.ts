import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { configFromObjects } from "@herald/shared/config/objects/config-from-objects";
import { NO_OBJECTS } from "@herald/shared/config/objects/config-objects";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { Reconciler } from "./reconcile.ts";
import { ips, service } from "./testing/views.ts";

/**
 * What MetalLB's controller (revision 7938d3f89, July 2026) did in random histories, recorded from its own code. Each
 * line is a change (`pools`, `put`, `delete`), or after `=` whose addresses were others afterwards. The older Service
 * was looked at first, as we do; MetalLB looks at those first that have more addresses. Left out are requests that
 * cannot be read and what else docs/differences.md has.
 */
const RECORDING = readFileSync(new URL("./testdata/metallb-histories.txt", import.meta.url), "utf8");

const HISTORIES = RECORDING.trimEnd()
  .split(/^history \d+\n/m)
  .slice(1)
  .map((text) => text.trimEnd().split("\n"));

const CLUSTER_IPS: Readonly<Record<string, string>> = { "4": "10.96.0.1", "6": "fd96::1" };

interface Recorded {
  readonly type?: string;
  /** Families of the cluster addresses: "4", "6", "46" or "64". */
  readonly stack: string;
  readonly ipFamilyPolicy?: ServiceView["ipFamilyPolicy"];
  readonly externalTrafficPolicy?: ServiceView["externalTrafficPolicy"];
  readonly app: string;
  readonly ports: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly loadBalancerIp?: string;
}

/** A cluster that lives through a history, line by line. */
class Life {
  readonly #reconciler = new Reconciler({ lbClass: "", source: "objects", sharingAcrossNamespaces: true });
  readonly #views = new Map<ServiceKey, ServiceView>();
  #created = 0;

  change(line: string): void {
    const [, what = "", rest = ""] = /^(\w+) (.*)$/.exec(line) ?? [];
    if (what === "pools") this.#configure(JSON.parse(rest));
    if (what === "put") this.#put(rest);
    if (what === "delete") this.#update(rest as ServiceKey, undefined);
  }

  /** Of each Service its addresses and their pool, as text; "": none. */
  get state(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.#views.keys()].map((key) => {
        const held = this.#reconciler.heldBy(key);
        return [key, held === undefined ? "" : `${[...held.addresses].sort().join(" ")} of ${held.pool}`];
      }),
    );
  }

  #configure(specs: Readonly<Record<string, unknown>>): void {
    const objects = Object.entries(specs).map(([name, spec]) => ({ metadata: { name }, spec }));
    this.#reconciler.configure(
      configFromObjects({ ...NO_OBJECTS, pools: objects }).pools,
      this.#views.values(),
    );
  }

  #put(text: string): void {
    const [, key = "", json = ""] = /^(\S+) (.*)$/.exec(text) ?? [];
    const { stack, app, ports, ...rest } = JSON.parse(json) as Recorded;
    this.#created += 1;
    const before = this.#views.get(key as ServiceKey);
    const view = service({
      ...rest,
      key,
      uid: before?.uid ?? `uid ${this.#created}`,
      createdAtMs: before?.createdAtMs ?? this.#created,
      clusterIps: ips(...[...stack].map((family) => CLUSTER_IPS[family] ?? "")),
      ipFamilies: [...stack].map((family) => (family === "4" ? 4 : 6)),
      selector: { app },
      ports: ports.map((each) => ({ protocol: each.split("/")[0] ?? "", port: Number(each.split("/")[1]) })),
    });
    this.#update(view.key, view);
  }

  #update(key: ServiceKey, view: ServiceView | undefined): void {
    if (view === undefined) this.#views.delete(key);
    else this.#views.set(key, view);
    this.#reconciler.update([{ key, view }]);
  }
}

describe("the addresses that Services get", () => {
  for (const [index, lines] of HISTORIES.entries()) {
    it(`are those that MetalLB gives them, through history ${index + 1}`, () => {
      const life = new Life();
      let expected: Readonly<Record<string, string>> = {};
      for (const [at, line] of lines.entries()) {
        if (!line.startsWith("= ")) life.change(line);
        else expected = { ...expected, ...JSON.parse(line.slice(2)) };
        if (lines[at + 1]?.startsWith("= ")) continue;
        const there = Object.keys(life.state);
        expected = Object.fromEntries(there.map((key) => [key, expected[key] ?? ""]));
        assert.deepEqual(life.state, expected, `after line ${at + 1}: ${line}`);
      }
    });
  }

  it("were recorded in two dozen histories", () => {
    assert.deepEqual([HISTORIES.length, HISTORIES.every((lines) => lines.length > 19)], [24, true]);
  });
});
