/** What the condition `herald.io/Announced` says of a Service that has an address now and of which no speaker has spoken. */
export const NO_SPEAKER_YET = {
  status: "Unknown",
  reason: "NoSpeakerYet",
  message: "no speaker of Herald has said yet whether a node announces it: look at the pods of its DaemonSet",
} as const;

/** The same in the list of reasons. */
export const NO_SPEAKER_YET_SENTENCE =
  "Unknown: the Service has an address, and no speaker of Herald has said anything of it yet, as it does within seconds. The controller writes this together with the address. Where it stays, look at the pods of the DaemonSet; MetalLB's speakers say nothing of it.";
