import addon, { type Cap } from "cap";
import type { Capture, CaptureOptions, PacketPort } from "../packet-port.ts";

/** Memory of the kernel's ring, octets: some 6,000 frames as short as ours, a tenth of a second of a heavy flood. */
const RING_OCTETS = 1024 * 1024;

/** libpcap through cap. Loading this file in a worker thread ends the process at the first frame: never do. */
export const pcap: PacketPort = { open };

function open({ interfaceName, filter, snapOctets, ...handlers }: CaptureOptions): Capture {
  const cap = new addon.Cap();
  const buffer = new Uint8Array(snapOctets);
  let state: "opening" | "open" | "closed" = "opening";
  const close = (): void => {
    state = "closed";
    cap.close();
  };
  const fail = (message: string): void => {
    close();
    handlers.onFailure(message);
  };
  cap.on("open", (link: string) => {
    if (link !== "ETHERNET") {
      fail(`its frames are ${link}, want ETHERNET`);
      return;
    }
    state = "open";
    handlers.onOpen();
  });
  cap.on("packet", (octets: number) => {
    if (state === "open") handlers.onFrame(buffer.subarray(0, octets));
  });
  cap.on("error", (error: Error) => {
    if (state !== "closed") fail(error.message);
  });
  cap.open(interfaceName, filter, RING_OCTETS, buffer, snapOctets, false);
  return { send: (frame) => (state === "open" ? send(cap, frame) : "failed"), close };
}

/** The addon throws plain errors with libpcap's words, and TypeErrors where we called it wrongly. */
function send(cap: Cap, frame: Uint8Array): "sent" | "failed" {
  try {
    cap.send(frame, frame.length);
    return "sent";
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    return "failed";
  }
}
