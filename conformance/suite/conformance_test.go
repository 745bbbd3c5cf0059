package suite

import (
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

// TestConformance takes the suite's own flags, and adds nothing.
func TestConformance(t *testing.T) { conformance.RunConformance(t) }
