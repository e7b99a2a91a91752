import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.FileReader;
import java.io.Reader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Lists a cluster's namespaces with one of two client libraries, as its users do.
 *
 * <pre>Namespaces CLIENT KUBECONFIG</pre>
 *
 * It prints and ends as python/namespaces.py does.
 */
public final class Namespaces {
    public static void main(String[] arguments) throws Exception {
        File kubeconfig = new File(arguments[1]);
        Map<String, Object> answer = new LinkedHashMap<>();
        try {
            answer.put("namespaces", switch (arguments[0]) {
                case "client-java" -> withClientJava(kubeconfig);
                case "kubernetes-client" -> withFabric8(kubeconfig);
                default -> throw new IllegalArgumentException(arguments[0]);
            });
        } catch (io.kubernetes.client.openapi.ApiException error) {
            refused(answer, error.getCode(), error);
        } catch (io.fabric8.kubernetes.client.KubernetesClientException error) {
            refused(answer, error.getCode(), error);
        } catch (Exception error) {
            refused(answer, 0, error);
        }
        System.out.println(new ObjectMapper().writeValueAsString(answer));
        // A client's pool of threads would keep the process for a minute.
        System.exit(answer.containsKey("namespaces") ? 0 : 1);
    }

    private static List<String> withClientJava(File file) throws Exception {
        try (Reader text = new FileReader(file)) {
            var kubeconfig = io.kubernetes.client.util.KubeConfig.loadKubeConfig(text);
            kubeconfig.setFile(file);
            var client = io.kubernetes.client.util.ClientBuilder.kubeconfig(kubeconfig).build();
            var namespaces = new io.kubernetes.client.openapi.apis.CoreV1Api(client).listNamespace().execute();
            return namespaces.getItems().stream().map(item -> item.getMetadata().getName()).toList();
        }
    }

    private static List<String> withFabric8(File file) {
        var config = io.fabric8.kubernetes.client.Config.fromKubeconfig(file);
        try (var client = new io.fabric8.kubernetes.client.KubernetesClientBuilder().withConfig(config).build()) {
            var namespaces = client.namespaces().list();
            return namespaces.getItems().stream().map(item -> item.getMetadata().getName()).toList();
        }
    }

    private static void refused(Map<String, Object> answer, int code, Exception error) {
        // Both libraries have code 0 where the API server was not asked.
        answer.put("status", code == 0 ? null : code);
        answer.put("error", error.toString());
    }
}
