// Nothing is built here: these modules hold the CRDs and manifests that the embedded environment installs.
module menagerie.dev/tools/crds

go 1.26.6

require (
	github.com/aws/karpenter-provider-aws v1.14.1
	github.com/kserve/kserve v0.20.0
	github.com/tektoncd/pipeline v1.12.0
	istio.io/api v1.29.0
	knative.dev/serving v0.49.0
	sigs.k8s.io/gateway-api v1.6.0
	sigs.k8s.io/karpenter v1.14.1-0.20260819221709-6e7eab7a0f48
)

// karpenter-provider-aws asks for a commit of karpenter that module proxies do not have.
replace sigs.k8s.io/karpenter => sigs.k8s.io/karpenter v1.12.0
