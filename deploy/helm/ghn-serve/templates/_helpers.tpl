{{- define "ghn-serve.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "ghn-serve.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "ghn-serve.name" .) -}}
{{- end -}}

{{/* Labels that stay the same over the release's life. Takes [root, role]. */}}
{{- define "ghn-serve.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: ghn-serve
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "ghn-serve.labels" -}}
{{- $root := index . 0 -}}
{{ include "ghn-serve.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{/* A pod of the service. Takes a dictionary: root, role, component, class (of a worker; else an api's values). */}}
{{- define "ghn-serve.pod" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $image := mergeOverwrite (deepCopy $values.image) (.class.image | default dict) -}}
{{- $gpus := .class.gpus | default 0 | int -}}
metadata:
  labels:
    {{- include "ghn-serve.labels" (list $root .component) | nindent 4 }}
spec:
  serviceAccountName: {{ include "ghn-serve.serviceAccount" $root }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ add $values.requestTimeoutSeconds 15 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    seccompProfile: { type: RuntimeDefault }
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .class.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .class.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "ghn-serve.selector" (list $root .component) | nindent 10 }}
  containers:
    - name: ghn-serve
      image: "{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}"
      imagePullPolicy: {{ $image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      ports:
        - { name: http, containerPort: 3000 }
      env:
        - { name: ROLE, value: {{ .role }} }
        - { name: HOST, value: 0.0.0.0 }
        - { name: PORT, value: "3000" }
        - { name: STORE, value: {{ printf "s3://%s/%s" $values.store.bucket $values.store.prefix | trimSuffix "/" | quote }} }
        - { name: STORE_MAX_BYTES, value: {{ $values.store.maxBytes | quote }} }
        - { name: AWS_REGION, value: {{ $values.store.region | quote }} }
        {{- with $values.store.endpoint }}
        - { name: S3_ENDPOINT, value: {{ . | quote }} }
        {{- end }}
        - { name: QUEUE_FILE, value: /secrets/queue/{{ $values.queue.key }} }
        {{- if and $values.apiKeys.secret (eq .role "api") }}
        - { name: API_KEYS_FILE, value: /secrets/api-keys/{{ $values.apiKeys.key }} }
        {{- end }}
        {{- if $values.metricsKey.secret }}
        - { name: METRICS_KEY_FILE, value: /secrets/metrics-key/{{ $values.metricsKey.key }} }
        {{- end }}
        - { name: REQUEST_TIMEOUT_MS, value: {{ mul $values.requestTimeoutSeconds 1000 | quote }} }
        {{- if eq .role "api" }}
        # Load balancers hear of it before the socket closes.
        - { name: SHUTDOWN_DELAY_MS, value: "5000" }
        {{- else if $values.ghnCheckpoints }}
        - { name: GHN_CHECKPOINTS, value: {{ $values.ghnCheckpoints | quote }} }
        {{- end }}
        {{- range $name, $value := mergeOverwrite (deepCopy $values.settings) (.class.settings | default dict) }}
        - { name: {{ $name }}, value: {{ $value | toString | quote }} }
        {{- end }}
      {{- with $values.store.credentialsSecret }}
      envFrom:
        - secretRef: { name: {{ . }} }
      {{- end }}
      {{- $resources := deepCopy (.class.resources | default dict) }}
      {{- if gt $gpus 0 }}
      {{- $_ := set $resources "limits" (merge (dict "nvidia.com/gpu" $gpus) ($resources.limits | default dict)) }}
      {{- end }}
      resources: {{- toYaml $resources | nindent 8 }}
      # A GHN of gigabytes takes a while to be fetched and loaded.
      startupProbe:
        httpGet: { path: /livez, port: http }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /livez, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: http }
        periodSeconds: 5
        timeoutSeconds: 3
      volumeMounts:
        - { name: tmp, mountPath: /tmp }
        - { name: cache, mountPath: /cache }
        - { name: queue, mountPath: /secrets/queue, readOnly: true }
        {{- if and $values.apiKeys.secret (eq .role "api") }}
        - { name: api-keys, mountPath: /secrets/api-keys, readOnly: true }
        {{- end }}
        {{- if $values.metricsKey.secret }}
        - { name: metrics-key, mountPath: /secrets/metrics-key, readOnly: true }
        {{- end }}
  volumes:
    - { name: tmp, emptyDir: {} }
    - { name: cache, emptyDir: {} }
    - { name: queue, secret: { secretName: {{ $values.queue.secret }} } }
    {{- if and $values.apiKeys.secret (eq .role "api") }}
    - { name: api-keys, secret: { secretName: {{ $values.apiKeys.secret }} } }
    {{- end }}
    {{- if $values.metricsKey.secret }}
    - { name: metrics-key, secret: { secretName: {{ $values.metricsKey.secret }} } }
    {{- end }}
{{- end -}}
