#!/usr/bin/env bash
# Checks the Helm chart: that it lints, that what it makes is what Kubernetes takes, and that wrong values are refused.
# Wants helm (go install helm.sh/helm/v4/cmd/helm@v4.3.1) and kubernetes-validate (pip install kubernetes-validate==1.37.0).
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:$HOME/go/bin"
chart=deploy/helm/ghn-serve
needed=(--set store.bucket=predictions --set queue.secret=queue)
everything=(--set podMonitor.enabled=true --set apiKeys.secret=keys --set metricsKey.secret=metrics
  --set store.credentialsSecret=aws --set store.endpoint=https://s3.example --set ghnCheckpoints=ghn3-xl
  --set workers.gpu.gpus=1 --set workers.gpu.image.tag=gpu --set workers.gpu.settings.ENGINE=onnxruntime
  --set settings.LOG_LEVEL=debug --set-json 'networkPolicy.apiFrom=[{"podSelector":{}}]')
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

helm lint --strict "$chart" "${needed[@]}" > /dev/null
helm template release "$chart" "${needed[@]}" > "$made/plain.yaml"
helm template release "$chart" "${needed[@]}" "${everything[@]}" > "$made/everything.yaml"
helm template release "$chart" "${needed[@]}" --set keda.enabled=true > "$made/keda.yaml"
# Kubernetes does not know the operators' kinds; they have no names of their own in it.
python3 - "$made" << 'PYTHON'
import pathlib, sys
for file in pathlib.Path(sys.argv[1]).glob('*.yaml'):
    documents = file.read_text().split('\n---\n')
    own = [text for text in documents if 'keda.sh/' not in text and 'monitoring.coreos.com/' not in text]
    file.write_text('\n---\n'.join(own))
PYTHON
kubernetes-validate --strict --quiet "$made"/*.yaml

# Every setting that the chart gives is one of the service's.
for name in $(grep -ohE 'name: [A-Z][A-Z0-9_]+' "$made/everything.yaml" | sed 's/name: //; s/_FILE$//' | sort -u); do
  case $name in AWS_*) continue ;; esac
  grep -q "^| \`$name\`" docs/operations.md || { echo "the chart gives $name, which is no setting" >&2; exit 1; }
done

refuse() {
  if helm template release "$chart" "$@" > /dev/null 2>&1; then
    echo "the chart takes $*" >&2
    exit 1
  fi
}
refuse
refuse --set store.bucket=predictions
refuse "${needed[@]}" --set store.bucket=No_Bucket
refuse "${needed[@]}" --set workers.cpu.gpu=1
refuse "${needed[@]}" --set workers.cpu.replicas=0
refuse "${needed[@]}" --set api.autoscaling.cpuPercent=200
refuse "${needed[@]}" --set settings.log_level=debug
refuse "${needed[@]}" --set stoer.bucket=x
# A fault in a template is found as well.
cp -r "$chart" "$made/broken"
sed -i 's/readOnlyRootFilesystem: true/readOnlyRootFileSystem: true/' "$made/broken/templates/_helpers.tpl"
helm template release "$made/broken" "${needed[@]}" > "$made/broken.yaml"
if kubernetes-validate --strict --quiet "$made/broken.yaml" > /dev/null 2>&1; then
  echo 'a misspelt field of a pod is not found' >&2
  exit 1
fi
echo 'the chart is sound'
