// Command health says how two GitOps tools read an object given as JSON on standard input:
// `health kstatus` prints Flux's (and kpt's) status, from the library they use;
// `health argocd FILE.lua` prints Argo CD's, by its health script in the Lua interpreter Argo CD embeds.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: health kstatus | health argocd FILE.lua"))
	}
	object := map[string]any{}
	if err := json.NewDecoder(os.Stdin).Decode(&object); err != nil {
		fail(err)
	}
	switch {
	case os.Args[1] == "kstatus":
		result, err := status.Compute(&unstructured.Unstructured{Object: withIntegers(object).(map[string]any)})
		if err != nil {
			fail(err)
		}
		print(result.Status.String(), result.Message)
	case os.Args[1] == "argocd" && len(os.Args) == 3:
		health, message, err := argocd(os.Args[2], object)
		if err != nil {
			fail(err)
		}
		print(health, message)
	default:
		fail(fmt.Errorf("usage: health kstatus | health argocd FILE.lua"))
	}
}

// withIntegers turns whole JSON numbers into int64, as the API machinery's own decoder does.
func withIntegers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			value[key] = withIntegers(item)
		}
	case []any:
		for index, item := range value {
			value[index] = withIntegers(item)
		}
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
	}
	return value
}

// argocd runs a resource customization's health script with the global `obj`, as Argo CD does.
func argocd(script string, object map[string]any) (health, message string, err error) {
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoFile(script); err != nil {
		return "", "", err
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("%s returned no table", script)
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String(), nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case string:
		return lua.LString(value)
	case float64:
		return lua.LNumber(value)
	case bool:
		return lua.LBool(value)
	}
	return lua.LNil
}

func print(status, message string) {
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"status": status, "message": message})
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "health:", err)
	os.Exit(1)
}
