/** The ConfigMap users of MetalLB 0.7.2 have, character for character. */
export const CONFIG_MAP = `apiVersion: v1
kind: ConfigMap
metadata: {namespace: metallb-system, name: config}
data:
  config: |
    address-pools:
    - name: default
      protocol: layer2
      addresses:
      - 192.168.1.100-192.168.1.159
`;

/** The same with two slips of the pen. */
export const BROKEN_CONFIG_MAP = CONFIG_MAP.replace("protocol: layer2", "protocol: layer3").replace(
  "192.168.1.159",
  "192.168.1.59",
);

export const WORKLOAD = `apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 3
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: echo}}
      containers:
      - name: echo
        image: docker.io/herald/echo:dev
        imagePullPolicy: IfNotPresent
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
`;

export const SERVICES = `apiVersion: v1
kind: Service
metadata:
  name: web
  annotations: {metallb.universe.tf/address-pool: default}
spec:
  type: LoadBalancer
  selector: {app: echo}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: udp, port: 82, targetPort: 8082, protocol: UDP}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: echo}
  ports:
  - {name: http, port: 80, targetPort: 8080}
---
apiVersion: v1
kind: Service
metadata: {name: chosen}
spec:
  type: LoadBalancer
  loadBalancerIP: 192.168.1.150
  selector: {app: echo}
  ports:
  - {name: http, port: 80, targetPort: 8080}
`;
