// Component_schemas prints a JSON Schema for each kind of configuration file that kboot renders for a Kubernetes
// component, made from the component's own Go types: fields by their JSON names, no other allowed. Kubernetes publishes
// no such schema.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver/v1"
	audit "k8s.io/apiserver/pkg/apis/audit/v1"
	proxy "k8s.io/kube-proxy/config/v1alpha1"
	scheduler "k8s.io/kube-scheduler/config/v1"
	kubelet "k8s.io/kubelet/config/v1beta1"
)

type object = map[string]any

var kinds = []struct {
	apiVersion string
	value      any
}{
	{"kubelet.config.k8s.io/v1beta1", kubelet.KubeletConfiguration{}},
	{"kubeproxy.config.k8s.io/v1alpha1", proxy.KubeProxyConfiguration{}},
	{"kubescheduler.config.k8s.io/v1", scheduler.KubeSchedulerConfiguration{}},
	{"apiserver.config.k8s.io/v1", apiserver.EncryptionConfiguration{}},
	{"apiserver.config.k8s.io/v1", apiserver.AuthenticationConfiguration{}},
	{"audit.k8s.io/v1", audit.Policy{}},
}

// The types whose form in JSON does not follow from their fields in Go.
var special = map[reflect.Type]object{
	reflect.TypeFor[metav1.Duration]():      {"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`},
	reflect.TypeFor[runtime.RawExtension](): {},
	reflect.TypeFor[[]byte]():               {"type": "string"},
}

var marshaler = reflect.TypeFor[json.Marshaler]()

func schema(of reflect.Type, definitions object) object {
	if found, ok := special[of]; ok {
		return found
	}
	if of.Kind() == reflect.Struct && reflect.PointerTo(of).Implements(marshaler) { // a quantity, a time
		return object{"type": []string{"string", "number"}}
	}
	switch of.Kind() {
	case reflect.Pointer:
		return schema(of.Elem(), definitions)
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": schema(of.Elem(), definitions)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schema(of.Elem(), definitions)}
	case reflect.Struct:
		if _, begun := definitions[of.String()]; !begun {
			definition := object{"type": "object", "additionalProperties": false}
			definitions[of.String()] = definition
			properties := object{}
			add(of, properties, definitions)
			definition["properties"] = properties
		}
		return object{"$ref": "#/$defs/" + of.String()}
	default:
		return object{"type": "integer"}
	}
}

func add(of reflect.Type, properties, definitions object) {
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && field.Anonymous:
			add(field.Type, properties, definitions)
		case name == "":
			properties[field.Name] = schema(field.Type, definitions)
		default:
			properties[name] = schema(field.Type, definitions)
		}
	}
}

func main() {
	schemas := object{}
	for _, each := range kinds {
		kind, definitions, properties := reflect.TypeOf(each.value), object{}, object{}
		add(kind, properties, definitions)
		properties["apiVersion"], properties["kind"] = object{"const": each.apiVersion}, object{"const": kind.Name()}
		schemas[kind.Name()] = object{
			"$schema": "https://json-schema.org/draft/2020-12/schema",
			"type":    "object", "required": []string{"apiVersion", "kind"},
			"properties": properties, "additionalProperties": false, "$defs": definitions,
		}
	}
	printer := json.NewEncoder(os.Stdout)
	printer.SetIndent("", " ")
	if err := printer.Encode(schemas); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
