// Loads compose files as docker compose does before it asks an engine: merged, interpolated from the environment, checked.
//
//	go run . ../../docker-compose.yml [../../docker-compose.small.yml]
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithProfiles([]string{"*"}))
	if err != nil {
		fail(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		fail(err)
	}
	fmt.Printf("%s: %d services, %d volumes\n", project.Name, len(project.Services), len(project.Volumes))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
