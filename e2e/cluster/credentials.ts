import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LAN } from "./addresses.ts";

export const API_SERVER = `https://${LAN["control-plane"].ipv4}:6443`;

/** Who may do what: users of the API server's token file. */
const USERS = { admin: "system:masters", "kube-proxy": "", "kube-scheduler": "" } as const;
export type User = keyof typeof USERS;

/** The cluster's secrets and the files that carry them. */
export class Credentials {
  readonly #folder: string;
  readonly #tokens: Readonly<Record<User, string>>;
  readonly #kubeconfigs = new Map<User, string>();
  /** PEM key that signs service account tokens. */
  readonly serviceAccountKey: string;
  readonly tokenFile: string;
  /** Where the API server keeps the certificate it signs for itself. */
  readonly certificateFolder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.serviceAccountKey = join(folder, "service-account.key");
    this.tokenFile = join(folder, "tokens.csv");
    this.certificateFolder = join(folder, "api-server");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const token = () => randomBytes(24).toString("hex");
    this.#tokens = { admin: token(), "kube-proxy": token(), "kube-scheduler": token() };
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(this.serviceAccountKey, privateKey.export({ type: "sec1", format: "pem" }), {
      mode: 0o600,
    });
    writeFileSync(
      this.tokenFile,
      `${Object.entries(USERS)
        .map((user) => this.#tokenLine(user))
        .join("\n")}\n`,
    );
  }

  /** The certificate that signs the API server's; whole once the server has written its key, which it does after. */
  get certificate(): string {
    return join(this.certificateFolder, "apiserver.crt");
  }

  get haveCertificate(): boolean {
    return existsSync(join(this.certificateFolder, "apiserver.key"));
  }

  /** Path of a kubeconfig for one of the token file's users. */
  kubeconfig(user: User): string {
    const path = this.#kubeconfigs.get(user) ?? this.kubeconfigWith(user, this.#tokens[user]);
    this.#kubeconfigs.set(user, path);
    return path;
  }

  /** Path of a kubeconfig that carries this token. Works from any host of the cluster. */
  kubeconfigWith(name: string, token: string): string {
    const path = join(this.#folder, `${name}.kubeconfig`);
    const authority = readFileSync(this.certificate).toString("base64");
    // JSON is YAML.
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "herald", cluster: { server: API_SERVER, "certificate-authority-data": authority } },
      ],
      users: [{ name, user: { token } }],
      contexts: [{ name, context: { cluster: "herald", user: name } }],
      "current-context": name,
    };
    // Written beside and moved: a program that starts just now must not read half of it.
    const unfinished = `${path}.${randomBytes(4).toString("hex")}.tmp`;
    writeFileSync(unfinished, JSON.stringify(config, undefined, 2), { mode: 0o600 });
    renameSync(unfinished, path);
    return path;
  }

  #tokenLine([user, group]: readonly [string, string]): string {
    const name = user === "admin" ? user : `system:${user}`;
    return `${this.#tokens[user as User]},${name},${user}${group && `,"${group}"`}`;
  }
}
