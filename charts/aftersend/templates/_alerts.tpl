{{- /* The rules of files/alerts.yaml with this release's addresses, without the excluded alerts, and with what single
alerts are given by values. Recording rules stay: other alerts ask for them. Never tpl: the texts
hold templates of Prometheus. An unset address leaves its annotation out. */ -}}
{{- define "aftersend.alertRules" -}}
{{- $wanted := .Values.monitoring.alerts -}}
{{- $addresses := dict "runbook_url" (list "RUNBOOKS_URL" $wanted.runbookUrl) "dashboard_url" (list "DASHBOARDS_URL" $wanted.dashboardUrl) -}}
{{- $groups := list -}}
{{- $known := list -}}
{{- $optional := list -}}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups -}}
  {{- $rules := list -}}
  {{- $group := . -}}
  {{- $left := has .name $wanted.excludeGroups -}}
  {{- range $rule := .rules -}}
    {{- with $rule.annotations -}}
      {{- range $name, $address := $addresses -}}
        {{- if last $address -}}
          {{- $_ := set $rule.annotations $name (get $rule.annotations $name | replace (first $address) (trimSuffix "/" (last $address))) -}}
        {{- else -}}
          {{- $_ := unset $rule.annotations $name -}}
        {{- end -}}
      {{- end -}}
    {{- end -}}
    {{- if $rule.alert -}}
      {{- $known = append $known $rule.alert -}}
      {{- $optional = append $optional $group.name -}}
      {{- $own := get $wanted.rules $rule.alert | default dict -}}
      {{- $_ := set $rule "labels" (merge (dict) ($own.labels | default dict) $wanted.ruleLabels $rule.labels) -}}
      {{- $_ := set $rule "annotations" (merge (dict) ($own.annotations | default dict) $wanted.ruleAnnotations $rule.annotations) -}}
      {{- with $own.severity }}{{ $_ := set $rule.labels "severity" . }}{{ end -}}
      {{- with get $own "for" }}{{ $_ := set $rule "for" . }}{{ end -}}
    {{- end -}}
    {{- if not (or (has $rule.alert $wanted.exclude) (and $rule.alert $left)) -}}
      {{- $rules = append $rules $rule -}}
    {{- end -}}
  {{- end -}}
  {{- if $rules -}}
    {{- $groups = append $groups (set . "rules" $rules) -}}
  {{- end -}}
{{- end -}}
{{- range $wanted.exclude -}}
  {{- if not (has . $known) -}}
    {{- fail (printf "monitoring.alerts.exclude: there is no alert %s" .) -}}
  {{- end -}}
{{- end -}}
{{- range $name, $_ := $wanted.rules -}}
  {{- if not (has $name $known) -}}
    {{- fail (printf "monitoring.alerts.rules: there is no alert %s" $name) -}}
  {{- end -}}
{{- end -}}
{{- range $wanted.excludeGroups -}}
  {{- if not (has . $optional) -}}
    {{- fail (printf "monitoring.alerts.excludeGroups: no group of alerts is called %s; there are %s" . (uniq $optional | join ", ")) -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}
