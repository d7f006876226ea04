package bustest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEmbeddedServerHoldsTheContract(t *testing.T) { bustest.Contract(t, bustest.Embedded) }
