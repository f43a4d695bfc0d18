{{- /* The rules of files/alerts.yaml with this release's addresses, without the excluded alerts. Never tpl: the texts
hold templates of Prometheus. An unset address leaves its annotation out. */ -}}
{{- define "aftersend.alertRules" -}}
{{- $wanted := .Values.monitoring.alerts -}}
{{- $addresses := dict "runbook_url" (list "RUNBOOKS_URL" $wanted.runbookUrl) "dashboard_url" (list "DASHBOARDS_URL" $wanted.dashboardUrl) -}}
{{- $groups := list -}}
{{- $known := list -}}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups -}}
  {{- $rules := list -}}
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
    {{- $known = append $known $rule.alert -}}
    {{- if not (has $rule.alert $wanted.exclude) -}}
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
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}
