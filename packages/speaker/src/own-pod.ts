import { type ApiClient, type ApiObject, unlessMissing } from "@herald/k8s/api";
import { objectPath, podsPath } from "@herald/k8s/paths";
import type { OwnerPod } from "@herald/k8s/status-object";

/** The pod of this speaker, which all it writes belongs to: the API server deletes that with the pod. */
export class OwnPod {
  readonly #client: ApiClient;
  readonly #namespace: string;
  readonly #name: string;
  #found: Promise<OwnerPod | undefined> | undefined;

  /** @param name "": there is none. */
  constructor(client: ApiClient, namespace: string, name: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#name = name;
  }

  /** Asked for once. @returns `undefined`: what is written belongs to nothing. @throws {ApiError} to be asked again. */
  async find(signal: AbortSignal): Promise<OwnerPod | undefined> {
    this.#found ??= this.#read(signal);
    try {
      return await this.#found;
    } catch (error) {
      this.#found = undefined;
      throw error;
    }
  }

  async #read(signal: AbortSignal): Promise<OwnerPod | undefined> {
    if (this.#name === "") return undefined;
    const path = objectPath(podsPath(this.#namespace), this.#name);
    const found = await unlessMissing(this.#client.get<ApiObject>(path, { signal }));
    return found && { name: this.#name, uid: found.metadata?.uid ?? "" };
  }
}
