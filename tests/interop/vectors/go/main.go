// Tokens by the presigner of the AWS SDK for Go v2: `go run .`.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK's own signer, at the time of the inputs.
type fixedClock struct {
	signer *v4.Signer
	at     time.Time
}

func (f fixedClock) PresignHTTP(
	ctx context.Context, credentials aws.Credentials, request *http.Request, hash, service, region string,
	_ time.Time, options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return f.signer.PresignHTTP(ctx, credentials, request, hash, service, region, f.at, options...)
}

func main() {
	file, err := os.Open("../inputs.txt")
	check(err)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			presign(strings.Split(line, " "))
		}
	}
	check(lines.Err())
}

func presign(input []string) {
	label, key, secret, session, region, host, date, cluster :=
		input[0], input[1], input[2], input[3], input[4], input[5], input[6], input[7]
	if session == "-" {
		session = ""
	}
	at, err := time.Parse(time.RFC3339, date)
	check(err)
	client := sts.New(sts.Options{
		Region:       region,
		BaseEndpoint: aws.String("https://" + host),
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, session),
	})
	presigner := sts.NewPresignClient(client, func(options *sts.PresignOptions) {
		options.Presigner = fixedClock{v4.NewSigner(), at}
	})
	presigned, err := presigner.PresignGetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{},
		func(options *sts.PresignOptions) {
			options.ClientOptions = append(options.ClientOptions, func(options *sts.Options) {
				options.APIOptions = append(options.APIOptions,
					header("x-k8s-aws-id", cluster), query("X-Amz-Expires", "60"))
			})
		})
	check(err)
	fmt.Printf("aws-sdk-go-v2 %s | %s | %s\n", aws.SDKVersion, label, presigned.URL)
}

func header(name, value string) func(*middleware.Stack) error {
	return smithyhttp.SetHeaderValue(name, value)
}

func query(name, value string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("Query"+name, func(
			ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
		) (middleware.BuildOutput, middleware.Metadata, error) {
			request := in.Request.(*smithyhttp.Request)
			values := request.URL.Query()
			values.Set(name, value)
			request.URL.RawQuery = values.Encode()
			return next.HandleBuild(ctx, in)
		}), middleware.After)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
