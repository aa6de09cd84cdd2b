{{- define "herald.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "herald.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "herald.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "herald.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "herald.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "herald.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "herald.selectorLabels" -}}
app.kubernetes.io/name: {{ include "herald.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels above as a selector on one line: --ml-labels finds the speakers by it. */}}
{{- define "herald.speakerSelector" -}}
app.kubernetes.io/name={{ include "herald.name" . }},app.kubernetes.io/instance={{ .Release.Name }},app.kubernetes.io/component=speaker
{{- end -}}

{{/* Account of a program: (list . "speaker") */}}
{{- define "herald.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- $program := index . 1 -}}
{{- $account := (index $root.Values $program).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "herald.fullname" $root) $program) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{- define "herald.configMapName" -}}
{{- if and .Values.configInline .Values.existingConfigMap -}}
{{- fail "configInline and existingConfigMap are both set: only one configuration can be in force" -}}
{{- end -}}
{{- default "config" .Values.existingConfigMap -}}
{{- end -}}

{{/* The Secret with the key of the gossip: the controller makes it if nobody has. */}}
{{- define "herald.gossipSecretName" -}}
{{- default (printf "%s-memberlist" (include "herald.fullname" .)) .Values.speaker.secretName -}}
{{- end -}}

{{- define "herald.mountsGossipSecret" -}}
{{- if and (not .Values.observeOnly) .Values.speaker.enabled .Values.speaker.memberlist.enabled .Values.speaker.memberlist.mlSecretKeyPath (or .Values.controller.enabled .Values.speaker.secretName) }}yes{{ end -}}
{{- end -}}

{{/* Whoever only observes refuses nothing. */}}
{{- define "herald.servesWebhook" -}}
{{- if and .Values.webhook.enabled .Values.controller.enabled (not .Values.observeOnly) }}yes{{ end -}}
{{- end -}}

{{/* Image of a program: (list . "speaker") */}}
{{- define "herald.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values (index . 1)).image -}}
{{- printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) -}}
{{- end -}}

{{/* What both programs' pods have in common: (list . "speaker") */}}
{{- define "herald.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $program := index . 1 -}}
{{- $values := index $root.Values $program -}}
{{- $annotations := deepCopy $values.podAnnotations -}}
{{- if $root.Values.prometheus.scrapeAnnotations -}}
{{- $scrape := dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString $root.Values.prometheus.metricsPort) -}}
{{- $annotations = mergeOverwrite $scrape $annotations -}}
{{- end -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
labels:
  {{- include "herald.selectorLabels" $root | nindent 2 }}
  app.kubernetes.io/component: {{ $program }}
  {{- with $values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "herald.podPlacement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
nodeSelector:
  kubernetes.io/os: linux
  {{- with .nodeSelector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What the speaker may do beside what any program may, with commas between. */}}
{{- define "herald.speakerCapabilities" -}}
NET_RAW
{{- if .Values.speaker.bfd.raisePriority }}, SYS_NICE{{ end }}
{{- if and .Values.speaker.bgp.listen (lt (int .Values.speaker.bgp.listenPort) 1024) }}, NET_BIND_SERVICE{{ end }}
{{- end }}

{{- define "herald.containerHttp" -}}
ports:
- name: monitoring
  containerPort: {{ .port }}
{{- with .webhookPort }}
- name: webhook
  containerPort: {{ . }}
{{- end }}
{{- with .gossipPort }}
# The node's own: whoever else has it, as MetalLB's speaker, is on no node with this one.
- {name: memberlist-tcp, containerPort: {{ . }}, protocol: TCP}
- {name: memberlist-udp, containerPort: {{ . }}, protocol: UDP}
{{- end }}
{{- if .values.livenessProbe.enabled }}
livenessProbe:
  httpGet: {path: /healthz, port: monitoring}
  {{- toYaml (omit .values.livenessProbe "enabled") | nindent 2 }}
{{- end }}
{{- if .values.readinessProbe.enabled }}
readinessProbe:
  httpGet: {path: /readyz, port: monitoring}
  {{- toYaml (omit .values.readinessProbe "enabled") | nindent 2 }}
{{- end }}
{{- with .values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "herald.monitorOptions" -}}
honorLabels: true
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Share of each pool that is given out, 0 to 1; as an expression of Prometheus. Its argument is a pattern of pools to leave out. */}}
{{- define "herald.poolUsage" -}}
{{- $selector := ternary "" (printf "{pool!~%s}" (. | squote)) (empty .) -}}
(metallb_allocator_addresses_in_use_total{{ $selector }} / (metallb_allocator_addresses_total > 0))
{{- end -}}

{{/* Seconds of a duration such as 1m30s, rounded up. */}}
{{- define "herald.seconds" -}}
{{- $milliseconds := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m)" . -1 -}}
{{- $unit := index (dict "ms" 1.0 "s" 1000.0 "m" 60000.0) (regexFind "[a-z]+" .) -}}
{{- $milliseconds = addf $milliseconds (mulf (regexFind "[0-9.]+" . | float64) $unit) -}}
{{- end -}}
{{- divf $milliseconds 1000 | ceil | int -}}
{{- end -}}

{{/* Why refused: a speaker that is killed in the middle of a hand-over leaves its addresses to nobody. */}}
{{- define "herald.speakerGracePeriod" -}}
{{- $has := .Values.speaker.terminationGracePeriodSeconds | int -}}
{{- $timeout := .Values.speaker.drain.timeout -}}
{{- $needs := add (include "herald.seconds" $timeout) 5 | int -}}
{{- if lt $has $needs -}}
{{- fail (printf "speaker.terminationGracePeriodSeconds: %d is too short for speaker.drain.timeout %s: make it %d or more" $has $timeout $needs) -}}
{{- end -}}
{{- $has -}}
{{- end -}}
