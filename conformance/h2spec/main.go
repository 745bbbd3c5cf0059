// Command h2spec lets github.com/summerwind/h2spec judge an HTTP/2 server, and serves the origin that stands behind it.
//
//	h2spec origin                      serves HTTP/1.1 on a free loopback port and prints its address
//	h2spec judge [-tls] HOST PORT      runs every case, strict ones too, and prints one JSON object a line
//
// It decides nothing: which failures are accepted is the caller's affair.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// A case waits this long for the server's answer. Silence counts as failure, so it only costs time when one fails.
const timeout = 2 * time.Second

// Below what our own limits allow for a head, so that a case meant to pass is not refused for its size.
const headerLengthMax = 4000

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: h2spec origin | judge [-tls] HOST PORT")
	}
	switch os.Args[1] {
	case "origin":
		serveOrigin()
	case "judge":
		judge(os.Args[2:])
	default:
		log.Fatalf("unknown command %q: origin or judge", os.Args[1])
	}
}

// serveOrigin reads every body to its end and answers 200 with a little text, until it is killed.
func serveOrigin() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		fmt.Fprintln(w, "judged")
	})))
}

func judge(arguments []string) {
	flags := flag.NewFlagSet("judge", flag.ExitOnError)
	tls := flags.Bool("tls", false, "connect by TLS, taking any certificate")
	flags.Parse(arguments)
	port, err := strconv.Atoi(flags.Arg(1))
	if err != nil {
		log.Fatalf("port %q: %v", flags.Arg(1), err)
	}
	results := json.NewEncoder(os.Stdout)
	// The suite draws its progress on standard output; ours is for results.
	os.Stdout = os.Stderr
	settings := &config.Config{
		Host: flags.Arg(0), Port: port, Path: "/", Timeout: timeout, MaxHeaderLen: headerLengthMax, Strict: true, TLS: *tls, Insecure: *tls,
	}
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(settings)
		report(results, group)
	}
}

// result is one case as it ended.
type result struct {
	// The suite's own name of the case, such as http2/5.1.1/2.
	ID          string   `json:"id"`
	Description string   `json:"description"`
	Outcome     string   `json:"outcome"`
	Requirement string   `json:"requirement"`
	Expected    []string `json:"expected"`
	Actual      string   `json:"actual"`
}

func report(results *json.Encoder, group *spec.TestGroup) {
	for _, test := range append(append([]*spec.TestCase{}, group.Tests...), group.StrictTests...) {
		ended := test.Result
		if ended == nil {
			continue
		}
		line := result{
			ID:          fmt.Sprintf("%s/%d", group.ID(), ended.Sequence),
			Description: test.Desc,
			Outcome:     "passed",
			Requirement: test.Requirement,
		}
		switch {
		case ended.Skipped:
			line.Outcome = "skipped"
		case ended.Failed:
			line.Outcome = "failed"
			line.Actual = ended.Error.Error()
			var failure *spec.TestError
			if errors.As(ended.Error, &failure) {
				line.Expected, line.Actual = failure.Expected, failure.Actual
			}
		}
		if err := results.Encode(line); err != nil {
			log.Fatal(err)
		}
	}
	for _, nested := range group.Groups {
		report(results, nested)
	}
}
