import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseServer } from "./access.ts";
import { HttpApiClient } from "./http-client.ts";
import { inClusterAccess } from "./in-cluster.ts";
import { kubeconfigAccess } from "./kubeconfig.ts";
import {
  json,
  loopbackCertificate,
  type MisbehavingServer,
  misbehavingServer,
} from "./misbehaving-server.ts";
import { Transport } from "./transport.ts";

let folder: string;
let server: MisbehavingServer;
let authorizations: (string | undefined)[] = [];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "herald-k8s-"));
  server = await misbehavingServer((request, response) => {
    authorizations.push(request.headers.authorization);
    json(response, 200, { ok: true });
  });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const servers: readonly { text: string; expected: object }[] = [
  {
    text: "https://10.0.0.1:6443",
    expected: { secure: true, host: "10.0.0.1", port: 6443, socketPath: undefined, basePath: "" },
  },
  {
    text: "https://[fd00::1]",
    expected: { secure: true, host: "fd00::1", port: 443, socketPath: undefined, basePath: "" },
  },
  {
    text: "http://localhost:8001/k8s/clusters/c-1/",
    expected: {
      secure: false,
      host: "localhost",
      port: 8001,
      socketPath: undefined,
      basePath: "/k8s/clusters/c-1",
    },
  },
  {
    text: "unix:///run/api.sock",
    expected: { secure: false, host: "localhost", port: 80, socketPath: "/run/api.sock", basePath: "" },
  },
];

describe("server of a kubeconfig", () => {
  for (const { text, expected } of servers) {
    it(`is understood when written ${text}`, () => assert.deepEqual(parseServer(text), expected));
  }

  it("is refused when it is something else", () => {
    assert.throws(() => parseServer("10.0.0.1"), { message: "not the URL of an API server: 10.0.0.1" });
    assert.throws(() => parseServer("ftp://x"), {
      message: "not the URL of an API server: ftp://x (want https:, http: or unix:)",
    });
  });
});

describe("access from inside a cluster", () => {
  const environment = (): Record<string, string> => {
    const { hostname, port } = new URL(server.url);
    return { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  };

  it("is not there without a service account or its environment", () => {
    assert.equal(
      inClusterAccess(environment(), () => 0, join(folder, "none")),
      undefined,
    );
    writeFileSync(join(folder, "token"), "one\n");
    assert.equal(
      inClusterAccess({}, () => 0, folder),
      undefined,
    );
  });

  it("carries the pod's token, read again each minute, and trusts the cluster's CA", async () => {
    writeFileSync(join(folder, "token"), "one\n");
    writeFileSync(join(folder, "ca.crt"), loopbackCertificate);
    let now = 0;
    const access = inClusterAccess(environment(), () => now, folder);
    assert.ok(access !== undefined);
    const client = new HttpApiClient(new Transport(access, "test"));
    authorizations = [];
    await client.get("/x");
    writeFileSync(join(folder, "token"), "two\n");
    now = 59_999;
    await client.get("/x");
    now = 60_000;
    await client.get("/x");
    client.close();
    assert.deepEqual(authorizations, ["Bearer one", "Bearer one", "Bearer two"]);
  });

  it("writes an IPv6 host as a URL wants it", () => {
    const access = inClusterAccess(
      { KUBERNETES_SERVICE_HOST: "fd96::1", KUBERNETES_SERVICE_PORT: "443" },
      () => 0,
      folder,
    );
    assert.deepEqual([access?.server.host, access?.server.port], ["fd96::1", 443]);
  });

  it("reports a service account it cannot read as a passing failure", async () => {
    const empty = mkdtempSync(join(tmpdir(), "herald-k8s-"));
    writeFileSync(join(empty, "token"), "x");
    const access = inClusterAccess(environment(), () => 0, empty);
    rmSync(empty, { recursive: true });
    await assert.rejects(access?.credentials() ?? Promise.resolve(), { name: "ApiError", status: 0 });
  });
});

describe("access by kubeconfig", () => {
  const write = (cluster: object, user?: object): string => {
    const path = join(folder, "kubeconfig");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster }],
      users: user === undefined ? [] : [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  };
  const ca = (): string => Buffer.from(loopbackCertificate).toString("base64");
  const ask = async (path: string): Promise<unknown> => {
    const access = await kubeconfigAccess(path, () => 0);
    assert.ok(access !== undefined);
    const client = new HttpApiClient(new Transport(access, "test"));
    try {
      return await client.get("/x");
    } finally {
      client.close();
    }
  };

  it("carries a token, a name with a password, or nothing", async () => {
    authorizations = [];
    const cluster = { server: server.url, "certificate-authority-data": ca() };
    await ask(write(cluster, { token: "t" }));
    await ask(write(cluster, { username: "me", password: "secret" }));
    await ask(write(cluster));
    const basic = Buffer.from("me:secret").toString("base64");
    assert.deepEqual(authorizations, ["Bearer t", `Basic ${basic}`, undefined]);
  });

  it("runs the plugin a kubeconfig names", async () => {
    authorizations = [];
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: "from-plugin" },
    };
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "echo",
      args: [JSON.stringify(credential)],
    };
    await ask(write({ server: server.url, "certificate-authority-data": ca() }, { exec }));
    assert.deepEqual(authorizations, ["Bearer from-plugin"]);
  });

  it("does not trust a certificate nobody vouched for, unless told to", async () => {
    await assert.rejects(ask(write({ server: server.url }, { token: "t" })), { name: "ApiError", status: 0 });
    const insecure = { server: server.url, "insecure-skip-tls-verify": true };
    assert.deepEqual(await ask(write(insecure, { token: "t" })), { ok: true });
  });

  it("speaks plain HTTP, over TCP and over a socket, as kubectl proxy does", async () => {
    const plain = createServer((_, response) => json(response, 200, { plain: true }));
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const { port } = plain.address() as AddressInfo;
    assert.deepEqual(await ask(write({ server: `http://127.0.0.1:${port}` }, {})), { plain: true });
    await new Promise((resolve) => plain.close(resolve));
    const socket = join(folder, "api.sock");
    await new Promise<void>((resolve) => plain.listen(socket, resolve));
    assert.deepEqual(await ask(write({ server: `unix:${socket}` }, {})), { plain: true });
    await new Promise((resolve) => plain.close(resolve));
  });

  it("says which file it cannot use", async () => {
    const missing = join(folder, "missing");
    await assert.rejects(
      kubeconfigAccess(missing, () => 0),
      (error: Error) => error.message.startsWith(`kubeconfig ${missing}: `),
    );
    const proxied = write({ server: server.url, "proxy-url": "http://proxy:3128" });
    await assert.rejects(
      kubeconfigAccess(proxied, () => 0),
      {
        message: `kubeconfig ${proxied}: proxy-url is not supported`,
      },
    );
  });
});
