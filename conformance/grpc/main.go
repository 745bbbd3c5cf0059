// Command grpc lets grpc-go judge a proxy: its interoperability cases, and cases of our own for what a proxy adds.
//
//	grpc origin                     serves the interop TestService without TLS on a free loopback port, prints its address
//	grpc list                       prints the names of all cases, one a line
//	grpc case [-tls] NAME ADDRESS   runs one case against the proxy at ADDRESS; exit 0 means passed
//
// A case is a process of its own, because the interop library ends the process that fails.
//
// The proxy must route these authorities:
//
//	judge.test    to the origin
//	dead.test     to an endpoint that refuses connections
//	empty.test    to a backend without endpoints
//	broken.test   to a backend that does not exist
//	(any other)   nowhere
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// The largest message a case sends; the library's own limit of 4 MiB would hide what a proxy does to longer ones.
const messageBytesMax = 64 << 20

// A case that takes longer hangs.
const timeout = 30 * time.Second

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: grpc origin | list | case [-tls] NAME ADDRESS")
	}
	switch os.Args[1] {
	case "origin":
		serveOrigin()
	case "list":
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			fmt.Println(name)
		}
	case "case":
		judge(os.Args[2:])
	default:
		log.Fatalf("unknown command %q: origin, list or case", os.Args[1])
	}
}

func judge(arguments []string) {
	flags := flag.NewFlagSet("case", flag.ExitOnError)
	secure := flags.Bool("tls", false, "connect by TLS, taking any certificate")
	flags.Parse(arguments)
	name, address := flags.Arg(0), flags.Arg(1)
	run, known := cases[name]
	if !known {
		log.Fatalf("no case %q: see grpc list", name)
	}
	transport := insecure.NewCredentials()
	if *secure {
		transport = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dial := func(authority string) *grpc.ClientConn {
		connection, err := grpc.NewClient(
			"passthrough:///"+address,
			grpc.WithTransportCredentials(transport),
			grpc.WithAuthority(authority),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytesMax), grpc.MaxCallSendMsgSize(messageBytesMax)),
		)
		if err != nil {
			log.Fatal(err)
		}
		return connection
	}
	if err := run(ctx, dial); err != nil {
		log.Fatal(err)
	}
	if ctx.Err() != nil {
		log.Fatal("the case took too long")
	}
}
