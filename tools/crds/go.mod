// Nothing is built here: these modules hold the CRDs and manifests that the embedded environment installs. Each is downloaded by
// itself (src/local/toolchain/downloadedModule.ts), so that what a module asks for in its turn, and the Go that it needs, do not matter.
module menagerie.dev/tools/crds

go 1.26.6

require (
	github.com/aws/karpenter-provider-aws v1.15.0
	github.com/kserve/kserve v0.20.0
	github.com/tektoncd/pipeline v1.12.0
	istio.io/api v1.31.0-rc.0.0.20260824154656-b943409680a7
	knative.dev/serving v0.49.0
	sigs.k8s.io/gateway-api v1.6.0
	sigs.k8s.io/karpenter v1.15.0
)
