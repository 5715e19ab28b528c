#!/usr/bin/env bash
# Runs a command with Vulkan on SwiftShader, which computes on the CPU: `scripts/swiftshader.sh npx vitest run …`. So the
# WebGPU engine can be tried without a GPU. SwiftShader comes with Debian's chromium, the Vulkan loader with libvulkan1.
set -euo pipefail
library=${SWIFTSHADER:-/usr/lib/chromium/libvk_swiftshader.so}
[ -e "$library" ] || { echo "$library is missing: install Debian's chromium, or set SWIFTSHADER" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The driver's own manifest names the library relative to a folder that the loader does not look in.
printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.0.5"}}' "$library" > "$folder/icd.json"
export VK_DRIVER_FILES=$folder/icd.json
"$@"
