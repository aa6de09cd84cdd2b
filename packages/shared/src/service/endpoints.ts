/** One EndpointSlice's worth of what decides where traffic may enter. */
export interface EndpointView {
  /** `undefined` where the API names no node. */
  readonly nodeName: string | undefined;
  readonly addresses: readonly string[];
  /** `conditions.ready`, true when absent (API reference of EndpointSlice). */
  readonly ready: boolean;
  /** `conditions.serving`, equal to `ready` when absent. */
  readonly serving: boolean;
}
