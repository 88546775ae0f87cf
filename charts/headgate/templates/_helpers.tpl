{{- define "headgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "headgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "headgate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "headgate.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Cluster-scoped objects bear the namespace too, so that two installations do not fight over them. */ -}}
{{- define "headgate.clusterName" -}}
{{- $fullname := include "headgate.fullname" . -}}
{{- eq $fullname .Release.Namespace | ternary $fullname (printf "%s-%s" .Release.Namespace $fullname) | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "headgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "headgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "headgate.labels" -}}
{{ include "headgate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "headgate.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "headgate.fullname" .) -}}
{{- end -}}

{{- define "headgate.username" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "headgate.serviceAccountName" .) -}}
{{- end -}}

{{- /* "true" where the admission policies of this kind are installed, else "". */ -}}
{{- define "headgate.admission" -}}
{{- $there := .root.Capabilities.APIVersions.Has (printf "admissionregistration.k8s.io/v1/%s" .kind) -}}
{{- $wanted := toString .root.Values.admission.enabled -}}
{{- if or (eq $wanted "true") (and (eq $wanted "auto") $there) -}}true{{- end -}}
{{- end -}}

{{- define "headgate.namespaceSelector" -}}
{{- with .Values.namespaces -}}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: In
      values: {{ toJson . }}
{{- end -}}
{{- end -}}

{{- /* What the operator may do in a namespace. */ -}}
{{- define "headgate.rules" -}}
- apiGroups: [headgate.dev]
  resources: [canaryreleases]
  verbs: [get, list, watch, patch]
- apiGroups: [headgate.dev]
  resources: [canaryreleases/status]
  verbs: [patch]
# An object of ours names its CanaryRelease as an owner whose deletion waits for it.
- apiGroups: [headgate.dev]
  resources: [canaryreleases/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, patch]
{{- if .Values.ingress.enabled }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
{{- if .Values.gateway.enabled }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* Binds the admission policy `name`; with `perRelease` each CanaryRelease of the namespace is its parameter. */ -}}
{{- define "headgate.binding" }}
apiVersion: admissionregistration.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ include "headgate.clusterName" .root }}-{{ .name }}
  labels:
    {{- include "headgate.labels" .root | nindent 4 }}
spec:
  policyName: {{ include "headgate.clusterName" .root }}-{{ .name }}
  {{- if .perRelease }}
  paramRef:
    selector: {}
    parameterNotFoundAction: Allow
  {{- end }}
  {{- if hasPrefix "Validating" .kind }}
  validationActions: [Deny]
  {{- end }}
{{- end }}

{{- define "headgate.config" -}}
namespaces: {{ toJson .Values.namespaces }}
policies: {{ empty (include "headgate.admission" (dict "root" . "kind" "MutatingAdmissionPolicy")) | ternary "off" "on" | quote }}
{{- if .Values.ingress.enabled }}
ingress:
  implementation: {{ .Values.ingress.implementation }}
{{- end }}
{{- if .Values.gateway.enabled }}
gateway:
  implementation: {{ .Values.gateway.implementation }}
{{- end }}
prometheus:
{{- range $name, $endpoint := .Values.prometheus }}
  {{ $name }}:
    {{- toYaml (omit $endpoint "secretName") | nindent 4 }}
{{- end }}
lease:
  name: {{ include "headgate.fullname" . }}
  namespace: {{ .Release.Namespace }}
http:
  port: 8080
logging:
  level: {{ .Values.logging.level }}
workers: {{ .Values.workers }}
{{- end -}}
