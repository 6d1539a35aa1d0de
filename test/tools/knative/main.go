// Judges a Knative Service as the webhook of Knative Serving does: fills in its defaults, and says what it refuses.
//
//	knative-judge kubernetes.podspec-nodeselector=enabled < service.json
//
// Arguments are entries of the ConfigMap config-features; what is left out has Knative's own default.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"knative.dev/pkg/apis"
	"knative.dev/serving/pkg/apis/config"
	serving "knative.dev/serving/pkg/apis/serving/v1"
	autoscaler "knative.dev/serving/pkg/autoscaler/config"
)

func main() {
	if err := judge(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(entries []string) error {
	data := map[string]string{}
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		data[name] = value
	}
	features, err := config.NewFeaturesConfigFromMap(data)
	if err != nil {
		return err
	}
	defaults, err := config.NewDefaultsConfigFromMap(nil)
	if err != nil {
		return err
	}
	scaling, err := autoscaler.NewConfigFromMap(nil)
	if err != nil {
		return err
	}
	ctx := config.ToContext(context.Background(), &config.Config{Features: features, Defaults: defaults, Autoscaler: scaling})
	ctx = apis.WithinCreate(ctx)

	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	var service serving.Service
	if err := decoder.Decode(&service); err != nil {
		return err
	}
	service.SetDefaults(ctx)
	// Without the webhook's warnings. A nil *FieldError is not a nil error.
	if refused := service.Validate(ctx).Filter(apis.ErrorLevel); refused != nil {
		return refused
	}
	return nil
}
