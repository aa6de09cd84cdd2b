import type { Api, ApiObject } from "./api.ts";
import { Kubelet } from "./kubelet.ts";
import { until } from "./launch.ts";
import { type NodeParts, postNode, proxyIsReady, setNodeReady, startKubeProxy } from "./node.ts";
import { addPodBridge } from "./topology.ts";

const NODE_READY_WITHIN_MS = 90_000;
const PROXY_READY_WITHIN_MS = 60_000;

/** A node of either size: with a kubelet, or played. */
export class ClusterNode {
  /** Of its files. */
  readonly folder: string;
  readonly #parts: NodeParts;
  readonly #kubelet: Kubelet | undefined;
  readonly #pauseImage: string | undefined;

  /** @param pauseImage archive of the image that holds pods' namespaces; none for a node that is played. */
  constructor(parts: NodeParts, pauseImage: string | undefined) {
    this.folder = parts.folder;
    this.#parts = parts;
    this.#kubelet = pauseImage === undefined ? undefined : new Kubelet(parts);
    this.#pauseImage = pauseImage;
  }

  /** Resolves when the node is Ready and kube-proxy has written its rules. */
  async start(api: Api): Promise<void> {
    const { node, namespace } = this.#parts;
    await postNode(api, node);
    const proxy = startKubeProxy(this.#parts);
    if (this.#kubelet !== undefined && this.#pauseImage !== undefined)
      await this.#kubelet.start(this.#pauseImage);
    else {
      await addPodBridge(namespace, node);
      await setNodeReady(api, node, true);
    }
    await Promise.all([
      until(proxy, `${node} kube-proxy`, PROXY_READY_WITHIN_MS, () => proxyIsReady(namespace)),
      api.waitFor<NodeObject>(`/api/v1/nodes/${node}`, isReady, NODE_READY_WITHIN_MS, `${node} is Ready`),
    ]);
  }

  /** @throws where there is no kubelet. */
  async importImage(archivePath: string): Promise<void> {
    if (this.#kubelet === undefined) throw new Error("a cluster without kubelets runs no images");
    await this.#kubelet.importImage(archivePath);
  }
}

interface NodeObject extends ApiObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady(node: NodeObject | undefined): boolean {
  return node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}
