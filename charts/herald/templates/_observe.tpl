{{/* Roles of programs that only observe: they read what they would read, and can write nothing at all. */}}
{{- define "herald.observingRoles" -}}
{{- $name := include "herald.fullname" . }}
{{- $labels := include "herald.labels" . }}
{{- $config := include "herald.configMapName" . }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}-controller
  labels:
    {{- $labels | nindent 4 }}
rules:
- {apiGroups: [""], resources: [services, namespaces], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}-speaker
  labels:
    {{- $labels | nindent 4 }}
rules:
- {apiGroups: [""], resources: [services, nodes], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}-controller
  namespace: {{ .Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [{{ $config }}], verbs: [list, watch]}
- {apiGroups: [metallb.io], resources: [ipaddresspools], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}-speaker
  namespace: {{ .Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [{{ $config }}], verbs: [list, watch]}
- {apiGroups: [""], resources: [pods], verbs: [list, watch]}
- {apiGroups: [metallb.io], resources: [ipaddresspools, l2advertisements, bgpadvertisements, bgppeers, bfdprofiles, communities], verbs: [list, watch]}
{{- end -}}
