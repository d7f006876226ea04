package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Kinds of credential.
const (
	credentialAuto        = "auto"
	credentialManaged     = "managed-identity"
	credentialWorkload    = "workload-identity"
	credentialCLI         = "cli"
	credentialEnvironment = "environment"
)

func cloudOf(name string) cloud.Configuration {
	switch name {
	case "government":
		return cloud.AzureGovernment
	case "china":
		return cloud.AzureChina
	}
	return cloud.AzurePublic
}

// newCredential makes the credential that the configuration names. It asks nobody yet.
func newCredential(c Config) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{Cloud: cloudOf(c.Cloud)}
	var inner azcore.TokenCredential
	var err error
	switch c.Credential {
	case credentialManaged:
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if c.ClientID != "" {
			o.ID = azidentity.ClientID(c.ClientID)
		}
		inner, err = azidentity.NewManagedIdentityCredential(o)
	case credentialWorkload:
		inner, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options})
	case credentialCLI:
		inner, err = azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: c.Tenant})
	case credentialEnvironment:
		inner, err = azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: options})
	default:
		inner, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options, TenantID: c.Tenant})
	}
	if err != nil {
		// The text may quote the environment.
		return nil, fmt.Errorf("credential %s cannot be used: %s", c.Credential, remedyOf(c.Credential))
	}
	return &credential{inner: inner, kind: c.Credential}, nil
}

func remedyOf(kind string) string {
	switch kind {
	case credentialManaged:
		return "give the machine a managed identity with the role Reader, and name it with clientId when it is user-assigned"
	case credentialWorkload:
		return "the workload identity webhook must set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE"
	case credentialCLI:
		return "install az and log in with az login as the user of the planner"
	case credentialEnvironment:
		return "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH"
	}
	return "none of environment, workload identity, managed identity and az login works here; set up one of them and name it with credential"
}

// credential keeps what a failing credential says to itself: its texts quote answers, commands and the environment.
type credential struct {
	inner azcore.TokenCredential
	kind  string
}

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.inner.GetToken(ctx, o)
	switch {
	case err == nil:
		return token, nil
	case ctx.Err() != nil:
		return token, ctx.Err()
	}
	return azcore.AccessToken{}, &credentialError{kind: c.kind, code: identityCode(err)}
}

var identityCodes = regexp.MustCompile(`AADSTS[0-9]{4,7}`)

// identityCode is Microsoft Entra's code of a refusal, else the status of its answer, else "".
func identityCode(err error) string {
	if code := identityCodes.FindString(err.Error()); code != "" {
		return code
	}
	var failed *azidentity.AuthenticationFailedError
	if errors.As(err, &failed) && failed.RawResponse != nil {
		return http.StatusText(failed.RawResponse.StatusCode)
	}
	return ""
}

// credentialError says that no token could be had.
type credentialError struct{ kind, code string }

// Error implements error.
func (e *credentialError) Error() string {
	code := ""
	if e.code != "" {
		code = " (" + e.code + ")"
	}
	return "credential " + e.kind + " gives no token" + code + "; " + remedyOf(e.kind)
}

// NonRetriable tells the SDK not to ask again.
func (*credentialError) NonRetriable() {}
