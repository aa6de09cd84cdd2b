import { join } from "node:path";
import { LAN, SERVICE_NETWORKS } from "./addresses.ts";
import { Api } from "./api.ts";
import type { Credentials } from "./credentials.ts";
import { inNetwork, launch, type Running, until } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import type { Programs } from "./programs.ts";

const READY_WITHIN_MS = 60_000;

export interface ControlPlaneParts {
  readonly ledger: Ledger;
  readonly programs: Programs;
  readonly credentials: Credentials;
  /** Network namespace it lives in. */
  readonly namespace: string;
  readonly folder: string;
  readonly logFolder: string;
  readonly kubelets: boolean;
}

const CONTROLLERS = [
  "clusterrole-aggregation-controller",
  "endpoints-controller",
  "endpointslice-controller",
  "endpointslice-mirroring-controller",
  "garbage-collector-controller",
  "namespace-controller",
  "root-ca-certificate-publisher-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
];
const CONTROLLERS_WITH_KUBELETS = [
  "daemonset-controller",
  "deployment-controller",
  "job-controller",
  "node-lifecycle-controller",
  "pod-garbage-collector-controller",
  "replicaset-controller",
  "statefulset-controller",
  "taint-eviction-controller",
];

/** etcd, API server, controllers and scheduler, in one namespace. */
export class ControlPlane {
  readonly api: Api;
  readonly #parts: ControlPlaneParts;
  #apiServer: Running | undefined;

  constructor(parts: ControlPlaneParts) {
    this.#parts = parts;
    this.api = new Api(join(parts.folder, "api.sock"));
  }

  /** Resolves when the API server is ready and has its namespaces; the controllers then start on their own time. */
  async start(): Promise<void> {
    const { folder, credentials } = this.#parts;
    this.#start("etcd", [
      `--data-dir=${join(folder, "etcd")}`,
      "--unsafe-no-fsync",
      "--listen-client-urls=http://127.0.0.1:2379",
      "--advertise-client-urls=http://127.0.0.1:2379",
      "--listen-peer-urls=http://127.0.0.1:2380",
      "--log-level=warn",
    ]);
    const server = this.#startApiServer();
    this.#apiServer = server;
    await until(server, "API server has a certificate", READY_WITHIN_MS, () => credentials.haveCertificate);
    this.#startProxy();
    await this.#untilReady();
    await this.#untilFurnished();
    this.#startControllers();
    if (this.#parts.kubelets) {
      const kubeconfig = credentials.kubeconfig("kube-scheduler");
      this.#start("kube-scheduler", [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--v=1"]);
    }
  }

  /** Kills the API server and starts it again: watches break, nothing else is lost. */
  async restartApiServer(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#apiServer?.kill(signal);
    await this.#apiServer?.exited;
    this.#apiServer = this.#startApiServer();
    await this.#untilReady();
  }

  async #untilReady(): Promise<void> {
    const server = this.#apiServer;
    if (server !== undefined)
      await until(server, "API server ready", READY_WITHIN_MS, () => this.api.isReady());
  }

  /** It says that it is ready, and then makes these: what is posted into a namespace before that is refused. */
  async #untilFurnished(): Promise<void> {
    const wanted = ["kube-system", "default/services/kubernetes"];
    await Promise.all(
      wanted.map((path) =>
        this.api.waitFor(
          `/api/v1/namespaces/${path}`,
          (found) => found !== undefined,
          READY_WITHIN_MS,
          `the API server has made ${path}`,
        ),
      ),
    );
  }

  #startApiServer(): Running {
    const { credentials, kubelets } = this.#parts;
    const { ipv4 } = LAN["control-plane"];
    return this.#start("kube-apiserver", [
      `--advertise-address=${ipv4}`,
      "--allow-privileged=true",
      "--authorization-mode=RBAC",
      `--cert-dir=${credentials.certificateFolder}`,
      // Without a kubelet nobody mounts a service account's token, and a pod need not wait for its account.
      ...(kubelets ? [] : ["--disable-admission-plugins=ServiceAccount"]),
      "--endpoint-reconciler-type=lease",
      "--etcd-servers=http://127.0.0.1:2379",
      // Node names are in no DNS: logs and exec must go by address.
      "--kubelet-preferred-address-types=InternalIP",
      "--profiling=false",
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${credentials.serviceAccountKey}`,
      `--service-account-signing-key-file=${credentials.serviceAccountKey}`,
      `--service-cluster-ip-range=${SERVICE_NETWORKS.ipv4},${SERVICE_NETWORKS.ipv6}`,
      `--token-auth-file=${credentials.tokenFile}`,
      "--v=1",
    ]);
  }

  #startControllers(): void {
    const { credentials, kubelets } = this.#parts;
    const controllers = [...CONTROLLERS, ...(kubelets ? CONTROLLERS_WITH_KUBELETS : [])];
    this.#start("kube-controller-manager", [
      `--kubeconfig=${credentials.kubeconfig("admin")}`,
      `--controllers=${controllers.join(",")}`,
      "--kube-api-burst=400",
      "--kube-api-qps=200",
      "--leader-elect=false",
      `--root-ca-file=${credentials.certificate}`,
      `--service-account-private-key-file=${credentials.serviceAccountKey}`,
      "--v=1",
    ]);
  }

  /** Gives the harness, which is in another network namespace, a way in. */
  #startProxy(): void {
    const { programs, credentials, folder } = this.#parts;
    this.#launch("kubectl-proxy", programs.path("kubectl"), [
      `--kubeconfig=${credentials.kubeconfig("admin")}`,
      "proxy",
      `--unix-socket=${join(folder, "api.sock")}`,
    ]);
  }

  #start(
    name: "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler",
    args: readonly string[],
  ) {
    return this.#launch(name, this.#parts.programs.path(name), args);
  }

  #launch(what: string, program: string, args: readonly string[]): Running {
    const { ledger, namespace, logFolder } = this.#parts;
    return launch(ledger, {
      what,
      argv: [...inNetwork(namespace), program, ...args],
      logPath: join(logFolder, `${what}.log`),
    });
  }
}
