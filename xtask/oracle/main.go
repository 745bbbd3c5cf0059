// oracle FOLDER answers, for each object on standard input, what an API server with the CRDs of FOLDER makes of it when it is
// created: the errors, and the object as it would be stored.
//
// It is the API server's own code, called in the API server's order.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// version is one served version of one kind in one channel.
type version struct {
	schema       *schema.Structural
	validator    validation.SchemaValidator
	rules        *cel.Validator
	isNamespaced bool
}

type question struct {
	Channel string
	Object  json.RawMessage
}

type answer struct {
	Errors []string       `json:"errors"`
	Object map[string]any `json:"object"`
}

func main() {
	channels := map[string]map[string]version{}
	for _, channel := range []string{"standard", "experimental"} {
		channels[channel] = load(filepath.Join(os.Args[1], channel))
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked question
		must(json.Unmarshal(in.Bytes(), &asked))
		object := map[string]any{}
		must(utiljson.Unmarshal(asked.Object, &object))
		must(out.Encode(judge(channels[asked.Channel], object)))
	}
	must(in.Err())
}

func load(folder string) map[string]version {
	versions := map[string]version{}
	files, err := filepath.Glob(filepath.Join(folder, "gateway.networking.*.yaml"))
	must(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(err)
		var crd apiextensionsv1.CustomResourceDefinition
		must(yaml.Unmarshal(text, &crd))
		if crd.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, served := range crd.Spec.Versions {
			if !served.Served {
				continue
			}
			var props apiextensions.JSONSchemaProps
			must(apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(served.Schema.OpenAPIV3Schema, &props, nil))
			structural, err := schema.NewStructural(&props)
			must(err)
			validator, _, err := validation.NewSchemaValidator(&props)
			must(err)
			versions[crd.Spec.Group+"/"+served.Name+" "+crd.Spec.Names.Kind] = version{
				structural, validator, cel.NewValidator(structural, true, math.MaxInt64),
				crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
			}
		}
	}
	return versions
}

func judge(versions map[string]version, object map[string]any) answer {
	u := &unstructured.Unstructured{Object: object}
	version, isServed := versions[u.GetAPIVersion()+" "+u.GetKind()]
	if !isServed {
		return answer{Errors: []string{"not served"}}
	}
	meta, isFound, err := objectmeta.GetObjectMeta(object, false)
	if err != nil {
		return answer{Errors: []string{err.Error()}}
	}
	pruning.Prune(object, version.schema, true)
	if err := objectmeta.Coerce(nil, object, version.schema, true, false); err != nil {
		return answer{Errors: []string{err.Error()}}
	}
	if isFound {
		must(objectmeta.SetObjectMeta(object, meta))
	}
	defaulting.Default(object, version.schema)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, version.schema)
	delete(object, "status")
	switch {
	case !version.isNamespaced:
		u.SetNamespace("")
	case u.GetNamespace() == "":
		u.SetNamespace("default")
	}
	errs := apivalidation.ValidateObjectMetaAccessor(u, version.isNamespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, object, version.validator)...)
	errs = append(errs, objectmeta.Validate(nil, object, version.schema, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, version.schema, object)...)
	if !isBlocking(errs) {
		ruled, _ := version.rules.Validate(context.Background(), nil, version.schema, object, nil, math.MaxInt64)
		errs = append(errs, ruled...)
	}
	told := answer{Object: object, Errors: []string{}}
	for _, err := range errs {
		told.Errors = append(told.Errors, err.Error())
	}
	return told
}

// isBlocking tells whether CEL would be asked about values that it may not see, as the API server's strategy does.
func isBlocking(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}

func must(err error) {
	if err != nil {
		log.Fatal(strings.TrimSpace(err.Error()))
	}
}
