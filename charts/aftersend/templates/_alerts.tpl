{{- /* The rules of files/alerts.yaml with this release's addresses, without the excluded alerts, and with what single
alerts are given by values. Recording rules stay: other alerts ask for them. Never tpl: the texts
hold templates of Prometheus. An unset address leaves its annotation out.
A threshold stands in the first line of its expression, as a comment that is left out here. A label cluster that all
alerts get by value is not one of the series, so what asks for ALERTS must not match by it. */ -}}
{{- define "aftersend.alertRules" -}}
{{- $wanted := .Values.monitoring.alerts -}}
{{- $addresses := dict "runbook_url" (list "RUNBOOKS_URL" $wanted.runbookUrl) "dashboard_url" (list "DASHBOARDS_URL" $wanted.dashboardUrl) -}}
{{- $groups := list -}}
{{- $known := list -}}
{{- $optional := list -}}
{{- $compared := dict -}}
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
    {{- if $wanted.ruleLabels.cluster -}}
      {{- $_ := set $rule "expr" (regexReplaceAll "by \\(cluster, ([a-z, ]+)\\) \\(ALERTS" $rule.expr "by (${1}) (ALERTS") -}}
    {{- end -}}
    {{- if $rule.alert -}}
      {{- $known = append $known $rule.alert -}}
      {{- $optional = append $optional $group.name -}}
      {{- $own := get $wanted.rules $rule.alert | default dict -}}
      {{- $severity := $rule.labels.severity -}}
      {{- $default := regexFind "^# threshold: [0-9.* ]+" $rule.expr | trimPrefix "# threshold: " | trim -}}
      {{- if $default -}}
        {{- $_ := set $compared $rule.alert (append (get $compared $rule.alert | default list) $severity) -}}
        {{- $_ := set $rule "expr" (regexReplaceAll "^#.*\n" $rule.expr "") -}}
        {{- if hasKey ($own.thresholds | default dict) $severity -}}
          {{- $place := printf "([<>]=?|[*]) %s([ )\n]|$)" (regexQuoteMeta $default) -}}
          {{- $_ := set $rule "expr" (regexReplaceAll $place $rule.expr (get $own.thresholds $severity | toJson | printf "${1} %s${2}")) -}}
        {{- end -}}
      {{- end -}}
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
    {{- fail (printf "monitoring.alerts.exclude: there is no alert %s; there are %s" . (uniq $known | sortAlpha | join ", ")) -}}
  {{- end -}}
{{- end -}}
{{- range $name, $own := $wanted.rules -}}
  {{- if not (has $name $known) -}}
    {{- fail (printf "monitoring.alerts.rules: there is no alert %s; there are %s" $name (uniq $known | sortAlpha | join ", ")) -}}
  {{- end -}}
  {{- $severities := get $compared $name | default list -}}
  {{- range $severity, $_ := $own.thresholds -}}
    {{- if not $severities -}}
      {{- fail (printf "monitoring.alerts.rules.%s.thresholds: this alert compares with no number, so leave them out; severity and for can be set" $name) -}}
    {{- else if not (has $severity $severities) -}}
      {{- fail (printf "monitoring.alerts.rules.%s.thresholds.%s: this alert has no such rule; name its threshold %s" $name $severity (join " or " $severities)) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- range $wanted.excludeGroups -}}
  {{- if not (has . $optional) -}}
    {{- fail (printf "monitoring.alerts.excludeGroups: no group of alerts is called %s; there are %s" . (uniq $optional | join ", ")) -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}
