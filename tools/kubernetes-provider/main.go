// Command pulumi-resource-kubernetes serves the official Kubernetes provider.
//
// The provider's own main package embeds two files that its release build generates and its module
// zip leaves out, so it cannot be installed by path. This main embeds the same two files, which the
// toolchain copies here from the module (they are git-ignored), and calls the same entry point.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
