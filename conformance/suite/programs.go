//go:build programs

// Package suite is the official conformance suite, as it is published. It names the suite's echo server here, so that go.mod can hold its version.
package suite

import _ "sigs.k8s.io/gateway-api-conformance-images/echo-basic"
