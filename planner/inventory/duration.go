package inventory

import (
	"fmt"
	"time"
)

// Duration is a time.Duration written the Go way ("90s", "15m") in documents. Zero means not known.
type Duration time.Duration

// String formats the way Parse reads, without trailing zero units: 15m, not 15m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if len(s) > len(zero) && s[len(s)-len(zero):] == zero {
			s = s[:len(s)-len(zero)+1]
		}
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write a number and a unit, for example 90s, 15m or 24h", text)
	}
	*d = Duration(v)
	return nil
}
