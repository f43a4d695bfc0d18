// Enforces NetworkPolicies on the one node of the test cluster: kube-router's firewall controller and nothing else of it.
package main

import (
	"flag"
	"log"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	settings := options.NewKubeRouterConfig()
	flag.StringVar(&settings.Kubeconfig, "kubeconfig", "", "credentials of this agent")
	flag.StringVar(&settings.HostnameOverride, "hostname-override", "", "name of the node")
	flag.StringVar(&settings.ClusterIPCIDR, "service-cluster-ip-range", "", "addresses of services")
	flag.Parse()
	connection, err := clientcmd.BuildConfigFromFlags("", settings.Kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(connection)
	if err != nil {
		log.Fatal(err)
	}
	enforce(client, settings)
}

func enforce(client kubernetes.Interface, settings *options.KubeRouterConfig) {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	stop := make(chan struct{})
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	controller := newController(client, settings, pods, policies, namespaces)
	pods.AddEventHandler(controller.PodEventHandler)
	namespaces.AddEventHandler(controller.NamespaceEventHandler)
	policies.AddEventHandler(controller.NetworkPolicyEventHandler)
	beats := make(chan *healthcheck.ControllerHeartbeat, 10)
	go func() { // nobody watches them here, and a full channel would stop the controller
		for range beats {
		}
	}()
	var done sync.WaitGroup
	done.Add(1)
	controller.Run(beats, stop, &done)
}

// The controller refuses to start before the kubelet has registered the node.
func newController(client kubernetes.Interface, settings *options.KubeRouterConfig, pods, policies, namespaces cache.SharedIndexInformer) *netpol.NetworkPolicyController {
	var lock sync.Mutex
	for attempt := 0; ; attempt++ {
		controller, err := netpol.NewNetworkPolicyController(client, settings, pods, policies, namespaces, &lock)
		if err == nil {
			return controller
		}
		if attempt == 600 {
			log.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
