package opa_test
import ("testing";"context";"time";"slices"
"github.com/meridian-federation/meridian/deployments/bench/fleet"
"github.com/meridian-federation/meridian/deployments/bench/opa"
"github.com/meridian-federation/meridian/planner/rules"
"github.com/meridian-federation/meridian/planner/policy"
"github.com/meridian-federation/meridian/planner/sizing"
)
func BenchmarkOPA(b *testing.B){
 t:=&testing.T{}; _ = t
 r:=mkRig(b)
 var in []opa.Input
 sites:=fleet.New(fleet.Options{Seed:1,Sites:200}).Sites(0)
 for _,s:=range sites { x,err:=opa.NewInput(s); if err!=nil{b.Fatal(err)}; in=append(in,x)}
 ctx:=context.Background()
 b.Run("parsed",func(b *testing.B){ b.ReportAllocs(); i:=0; for b.Loop(){ r.engine.Parsed(ctx,in[i%200]); i++ } })
 b.Run("decoded",func(b *testing.B){ b.ReportAllocs(); i:=0; for b.Loop(){ r.engine.Decoded(ctx,in[i%200]); i++ } })
 pol:=policy.Default(); pol.Rules=map[string]policy.RuleTune{}
 off:=false
 for _,e:=range r.pack.Entries(){ if !slices.Contains(opa.Rules(),e.ID){ pol.Rules[e.ID]=policy.RuleTune{Enabled:&off} } }
 b.Run("ours",func(b *testing.B){ b.ReportAllocs(); i:=0; facts:=make([]rules.ClusterFacts,8); for b.Loop(){ s:=sites[i%200]; i++
  facts=facts[:0]
  for k:=range s.Clusters { facts=append(facts,rules.ClusterFacts{Sizing:sizing.InSite(s,&s.Clusters[k],r.sizes)})}
  r.pack.Evaluate(rules.Input{Site:s,Clusters:facts,Policy:pol,Regions:r.regions,At:s.ObservedAt.Add(time.Hour)}) } })
 b.Run("sizing",func(b *testing.B){ b.ReportAllocs(); i:=0; for b.Loop(){ s:=sites[i%200]; i++
  for k:=range s.Clusters { sizing.InSite(s,&s.Clusters[k],r.sizes)} } })
 b.Run("all",func(b *testing.B){ b.ReportAllocs(); i:=0; facts:=make([]rules.ClusterFacts,8); for b.Loop(){ s:=sites[i%200]; i++
  facts=facts[:0]
  for k:=range s.Clusters { facts=append(facts,rules.ClusterFacts{Sizing:sizing.InSite(s,&s.Clusters[k],r.sizes)})}
  r.pack.Evaluate(rules.Input{Site:s,Clusters:facts,Policy:policy.Default(),Regions:r.regions,At:s.ObservedAt.Add(time.Hour)}) } })
}
