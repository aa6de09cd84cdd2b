/** Where frames come from and go to: libpcap in production, a virtual LAN in a simulation. */
export interface PacketPort {
  /** Starts capturing on one interface. What goes wrong is a value, then or later: it never throws. */
  open(options: CaptureOptions): Capture | OpenFailure;
}

export interface CaptureOptions {
  readonly interfaceName: string;
  /** A libpcap filter expression. Keep it narrow: what it refuses never leaves the kernel. */
  readonly filter: string;
  /** Octets kept of each frame; what is longer is cut. */
  readonly snapOctets: number;
  /** @param frame valid until the callback returns: the next frame is written over it. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** The capture has ended and is closed, most often because its interface went down. Called at most once. */
  readonly onFailure: (message: string) => void;
}

export interface Capture {
  readonly type: "capture";
  /** Puts a whole Ethernet frame on the wire; "failed" when the interface or its queue refused it. */
  send(frame: Uint8Array): "sent" | "failed";
  /** Ends the capture; `onFrame` and `onFailure` are not called again. Harmless when closed already. */
  close(): void;
}

export interface OpenFailure {
  readonly type: "open-failure";
  /** In the words of the system below, for people. */
  readonly message: string;
}
