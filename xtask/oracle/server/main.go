// server KUBECONFIG answers, for each object on standard input, what a running API server makes of it when it is created: the
// errors, and the object as it would be stored. Nothing is stored: every request is a dry run. Namespaces alone are made,
// where an object names one that is not there.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type question struct {
	Object json.RawMessage
}

type answer struct {
	Errors []string       `json:"errors"`
	Object map[string]any `json:"object"`
}

// head is what the path of a request is made of.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string `json:"namespace"`
	} `json:"metadata"`
}

type resource struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced"`
}

type server struct {
	client     *http.Client
	base       string
	resources  map[string][]resource
	namespaces map[string]bool
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	must(err)
	config.QPS = -1
	client, err := rest.HTTPClientFor(config)
	must(err)
	asked := server{client, strings.TrimSuffix(config.Host, "/"), map[string][]resource{}, map[string]bool{"default": true}}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var question question
		must(json.Unmarshal(in.Bytes(), &question))
		must(out.Encode(asked.judge(question.Object)))
	}
	must(in.Err())
}

func (s *server) judge(object json.RawMessage) answer {
	var head head
	if err := json.Unmarshal(object, &head); err != nil {
		return refused(err.Error())
	}
	path, why := s.path(head)
	if why != "" {
		return refused(why)
	}
	code, body := s.send(http.MethodPost, path+"?dryRun=All&fieldValidation=Ignore", object)
	if code != http.StatusCreated {
		return refused(message(body))
	}
	stored := map[string]any{}
	must(json.Unmarshal(body, &stored))
	return answer{Errors: []string{}, Object: stored}
}

func (s *server) path(head head) (string, string) {
	for _, resource := range s.discover(head.APIVersion) {
		if resource.Kind != head.Kind || strings.Contains(resource.Name, "/") {
			continue
		}
		if !resource.Namespaced {
			return "/apis/" + head.APIVersion + "/" + resource.Name, ""
		}
		namespace := head.Metadata.Namespace
		if namespace == "" {
			namespace = "default"
		}
		if why := s.namespace(namespace); why != "" {
			return "", why
		}
		return "/apis/" + head.APIVersion + "/namespaces/" + url.PathEscape(namespace) + "/" + resource.Name, ""
	}
	return "", "not served"
}

func (s *server) discover(apiVersion string) []resource {
	if known, found := s.resources[apiVersion]; found {
		return known
	}
	var list struct {
		Resources []resource `json:"resources"`
	}
	if code, body := s.send(http.MethodGet, "/apis/"+apiVersion, nil); code == http.StatusOK {
		must(json.Unmarshal(body, &list))
	}
	s.resources[apiVersion] = list.Resources
	return list.Resources
}

func (s *server) namespace(name string) string {
	if s.namespaces[name] {
		return ""
	}
	object, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	must(err)
	code, body := s.send(http.MethodPost, "/api/v1/namespaces", object)
	if code != http.StatusCreated && code != http.StatusConflict {
		return message(body)
	}
	s.namespaces[name] = true
	return ""
}

func (s *server) send(method, path string, body []byte) (int, []byte) {
	request, err := http.NewRequest(method, s.base+path, bytes.NewReader(body))
	must(err)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	must(err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	must(err)
	return response.StatusCode, read
}

func message(body []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &status) != nil || status.Message == "" {
		return string(body)
	}
	return status.Message
}

func refused(why string) answer {
	return answer{Errors: []string{why}}
}

func must(err error) {
	if err != nil {
		log.Fatal(strings.TrimSpace(err.Error()))
	}
}
