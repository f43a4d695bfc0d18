{{- define "aftersend.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "aftersend.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "aftersend.fullname" .) "default") -}}
{{- end -}}

{{- /* Never app.kubernetes.io/name: aftersend, which tenants' pods carry: a tenant may be called like the release. */ -}}
{{- define "aftersend.selectorLabels" -}}
app.kubernetes.io/name: aftersend-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "aftersend.labels" -}}
{{ include "aftersend.selectorLabels" . }}
app.kubernetes.io/part-of: aftersend
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with omit .Values.commonLabels "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/part-of" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* (list root annotations): the object's own, over those of all objects; nothing without any. */ -}}
{{- define "aftersend.annotations" -}}
{{- with merge (dict) (index . 1) (index . 0).Values.commonAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- /* Whether pods name their user. OpenShift refuses a fixed one, and gives each namespace users of its own. */ -}}
{{- define "aftersend.fixedUser" -}}
{{- $adapt := .Values.adaptSecurityContext -}}
{{- if not (or (eq $adapt "always") (and (eq $adapt "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1"))) -}}
true
{{- end -}}
{{- end -}}

{{- /* (list registry image defaultTag): a digest decides; the tag beside it is informational. */ -}}
{{- define "aftersend.image" -}}
{{- $registry := index . 0 -}}
{{- $image := index . 1 -}}
{{- $tag := $image.tag | default (index . 2) -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- with $tag }}:{{ . }}{{ end -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- /* A map as key=value,… */ -}}
{{- define "aftersend.selector" -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- $pairs = append $pairs (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{- /* Labels of the namespaces that may scrape: the operator's own value, else the tenants', else the name monitoring. */ -}}
{{- define "aftersend.scrapers" -}}
{{- $all := dict "kubernetes.io/metadata.name" "monitoring" -}}
{{- .Values.networkPolicy.scrapeNamespaceSelector | default .Values.tenants.scrapeNamespaceSelector | default $all | toYaml -}}
{{- end -}}

{{- /* Restricted Pod Security Standard, for each container; operator.securityContext decides. */ -}}
{{- define "aftersend.containerSecurity" -}}
{{- $own := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- mergeOverwrite $own .Values.operator.securityContext | toYaml -}}
{{- end -}}

{{- define "aftersend.podSecurity" -}}
{{- $own := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- if include "aftersend.fixedUser" . -}}
{{- $_ := merge $own (dict "runAsUser" 10001 "runAsGroup" 10001 "fsGroup" 10001) -}}
{{- end -}}
{{- mergeOverwrite $own .Values.operator.podSecurityContext | toYaml -}}
{{- end -}}
