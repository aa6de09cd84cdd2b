/** The part of cap that we use, with what our patch adds (patches/cap@0.2.1.patch). */
declare module "cap" {
  import type { EventEmitter } from "node:events";

  /** One capture. It emits "packet" (octets, truncated) and, once closed by a failure, "error" (Error). */
  export interface Cap extends EventEmitter {
    /**
     * Blocks for some 10 ms.
     * @param buffer every frame is written to its start.
     * @returns the link type, "ETHERNET" for what we use.
     * @throws {Error} as libpcap words it.
     */
    open(
      device: string,
      filter: string,
      ringOctets: number,
      buffer: Uint8Array,
      snapOctets: number,
      promiscuous: boolean,
    ): string;
    /** @throws {Error} as libpcap words it; when closed. */
    send(frame: Uint8Array, octets: number): void;
    /** Blocks for some 25 ms. @returns whether it was open. */
    close(): boolean;
  }

  const addon: { readonly Cap: new () => Cap };
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has nothing else to import
  export default addon;
}
