package geo

import ("testing";"time")

func TestQuick(t *testing.T) {
	tb, err := Builtin()
	if err != nil { t.Fatal(err) }
	d, ok := tb.RoundTrip("azure", "westeurope", "North Europe")
	if !ok || d != 20*time.Millisecond { t.Fatal(d, ok) }
	km, ok := tb.DistanceKm("azure", "westeurope", "northeurope")
	t.Log(km, ok, tb.Nearest("azure", "west-europ"), tb.Nearest("azure","West Europa"), tb.Geographies(), tb.NearestGeography("Germny"))
}
