//go:build programs

// Package programs names what is built of etcd, so that go.mod can hold its versions.
package programs

import _ "go.etcd.io/etcd/server/v3"
