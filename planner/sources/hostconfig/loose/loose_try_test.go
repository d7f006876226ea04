package loose
import ("testing";"os";"path/filepath";"fmt")
func TestTry(t *testing.T){
 for _,g:=range []string{"platform_settings/*.j*","ptc_docs_fragments/*"}{
 fs,_:=filepath.Glob("/work/shared/data/5_thingworx/"+g)
 for _,f:=range fs{ b,_:=os.ReadFile(f); d,p:=JSON(b); fmt.Println(filepath.Base(f),p); if d!=nil{ for _,x:=range d.Faults{fmt.Println("  ",x)}; show(d.Root,"  ") } }}
}
func show(v *Value,in string){ for i:=range v.kids{k:=&v.kids[i]; fmt.Println(in,k.line,k.key,k.kind,k.text); show(k,in+"  ")}}
