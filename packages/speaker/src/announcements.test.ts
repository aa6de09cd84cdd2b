import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { Announcements } from "./announcements.ts";
import type { Decision, WithdrawReason } from "./plan.ts";

const a = "default/a" as ServiceKey;
const b = "default/b" as ServiceKey;
const announce = (...ips: string[]): Decision => ({
  type: "announce",
  addresses: ips as IpAddress[],
});
const withdraw = (reason: WithdrawReason): Decision => ({ type: "withdraw", reason, owner: undefined });
const begins = (address: string) => ({ type: "announce", address, interfaces: "all" });
const ends = (address: string, how: "now" | "yield") => ({ type: "withdraw", address, how });

describe("Announcements", () => {
  it("announces an address once, however often it is decided", () => {
    const announcements = new Announcements();
    assert.deepEqual(announcements.apply(a, announce("10.0.0.1")), [begins("10.0.0.1")]);
    assert.deepEqual(announcements.apply(a, announce("10.0.0.1")), []);
    assert.deepEqual(announcements.addresses(), ["10.0.0.1"]);
  });

  it("yields to another owner and is silent at once when the Service is gone", () => {
    const announcements = new Announcements();
    announcements.apply(a, announce("10.0.0.1"));
    assert.deepEqual(announcements.apply(a, withdraw("notOwner")), [ends("10.0.0.1", "yield")]);
    announcements.apply(a, announce("10.0.0.1"));
    assert.deepEqual(announcements.apply(a, withdraw("serviceDeleted")), [ends("10.0.0.1", "now")]);
    assert.deepEqual(announcements.apply(a, withdraw("serviceDeleted")), []);
    assert.deepEqual(announcements.addresses(), []);
  });

  it("keeps a shared address while one Service wants it", () => {
    const announcements = new Announcements();
    announcements.apply(a, announce("10.0.0.1"));
    assert.deepEqual(announcements.apply(b, announce("10.0.0.1")), []);
    assert.deepEqual(announcements.apply(a, withdraw("serviceDeleted")), []);
    assert.deepEqual(announcements.apply(b, withdraw("notOwner")), [ends("10.0.0.1", "yield")]);
  });

  it("announces an address anew when the nodes it is spread over are others, and only then", () => {
    const announcements = new Announcements();
    const spread = (...nodes: string[]) => ({ self: "iris1", nodes });
    const over = (...nodes: string[]): Decision => ({
      type: "announce",
      addresses: ["10.0.0.1" as IpAddress],
      spread: spread(...nodes),
    });
    const told = (...nodes: string[]) => ({ ...begins("10.0.0.1"), spread: spread(...nodes) });
    assert.deepEqual(announcements.apply(a, over("iris1", "iris2")), [told("iris1", "iris2")]);
    assert.deepEqual(announcements.apply(a, over("iris1", "iris2")), []);
    assert.deepEqual(announcements.apply(b, over("iris1", "iris2")), []);
    assert.deepEqual(announcements.apply(a, over("iris1", "iris3")), [told("iris1", "iris3")]);
    assert.deepEqual(announcements.apply(a, over("iris1")), [told("iris1")]);
    assert.deepEqual(announcements.apply(a, announce("10.0.0.1")), [begins("10.0.0.1")]);
    assert.deepEqual(announcements.apply(a, announce("10.0.0.1")), []);
    announcements.apply(b, withdraw("notOwner"));
    assert.deepEqual(announcements.apply(a, withdraw("notOwner")), [ends("10.0.0.1", "yield")]);
    assert.deepEqual(announcements.apply(a, over("iris1")), [told("iris1")]);
  });

  it("announces a shared address on whatever interfaces any Service wants, and anew when these are others", () => {
    const announcements = new Announcements();
    const over = (...interfaces: string[]): Decision => ({ ...announce("10.0.0.1"), interfaces }) as Decision;
    const told = (...interfaces: string[]) => ({ ...begins("10.0.0.1"), interfaces });
    assert.deepEqual(announcements.apply(a, over("eth1")), [told("eth1")]);
    assert.deepEqual(announcements.apply(a, over("eth1")), []);
    assert.deepEqual(announcements.apply(b, over("eth0")), [told("eth0", "eth1")]);
    assert.deepEqual(announcements.apply(b, announce("10.0.0.1")), [begins("10.0.0.1")]);
    assert.deepEqual(announcements.apply(b, withdraw("noInterface")), [told("eth1")]);
    assert.deepEqual(announcements.apply(a, withdraw("noInterface")), [ends("10.0.0.1", "now")]);
  });

  it("leaves an address that is advertised for other nodes to the one that takes over", () => {
    const announcements = new Announcements();
    const elsewhere = (owner: string | undefined): Decision => ({
      type: "withdraw",
      reason: "noMatchingAdvertisement",
      owner,
    });
    announcements.apply(a, announce("10.0.0.1"));
    assert.deepEqual(announcements.apply(a, elsewhere("iris2")), [ends("10.0.0.1", "yield")]);
    announcements.apply(a, announce("10.0.0.1"));
    assert.deepEqual(announcements.apply(a, elsewhere(undefined)), [ends("10.0.0.1", "now")]);
  });

  it("lets the old address go before it takes the new one", () => {
    const announcements = new Announcements();
    announcements.apply(a, announce("10.0.0.1", "10.0.0.2"));
    assert.deepEqual(announcements.apply(a, announce("10.0.0.2", "10.0.0.3")), [
      ends("10.0.0.1", "now"),
      begins("10.0.0.3"),
    ]);
  });
});
