import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serviceKey } from "@herald/shared/service/view";
import { notAnnouncedEvent } from "./not-announced-event.ts";

const message = "no node can announce it";
const of = (status: "True" | "False", reason: string) =>
  notAnnouncedEvent({
    service: serviceKey("shop", "web"),
    uid: "u",
    wish: { status, reason, message },
    holdMs: 0,
  });

describe("the Event beside the condition that a Service is not announced", () => {
  it("says what the condition says, for those who describe the Service", () => {
    assert.deepEqual(of("False", "NoPeer"), {
      regarding: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web", uid: "u" },
      type: "Warning",
      reason: "notAnnounced",
      message,
    });
  });

  it("has MetalLB's reason where MetalLB has an Event, which is for want of an interface", () => {
    const reasons = ["NoInterface", "NoLocalEndpoints", "SpeakerStopped"].map(
      (each) => of("False", each)?.reason,
    );
    assert.deepEqual(reasons, ["announceFailed", "notAnnounced", "notAnnounced"]);
  });

  it("is none where the Service is announced, or where it is told otherwise", () => {
    const others = ["NoIPAllocated", "NoEndpoints", "Probing", "AddressConflict", "AddressQuarantined"];
    const found = [of("True", "Announced"), ...others.map((reason) => of("False", reason))];
    assert.deepEqual(
      found.filter((event) => event !== undefined),
      [],
    );
  });
});
