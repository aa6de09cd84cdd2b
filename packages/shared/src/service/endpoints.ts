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

/** Whether traffic sent to the endpoint is answered: one that is going away still counts while it serves. */
export function isUsable({ ready, serving }: EndpointView): boolean {
  return ready || serving;
}

/** The nodes where traffic of a Service with externalTrafficPolicy Local may enter. */
export function nodesWithUsableEndpoints(endpoints: readonly EndpointView[]): ReadonlySet<string> {
  const names = endpoints.filter(isUsable).map(({ nodeName }) => nodeName);
  return new Set(names.filter((name) => name !== undefined));
}
