import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4FamilyHttpSigner.AuthLocation;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;
import software.amazon.awssdk.identity.spi.AwsCredentialsIdentity;
import software.amazon.awssdk.identity.spi.AwsSessionCredentialsIdentity;

/** Tokens by the signer of the AWS SDK for Java v2: `mvn -q compile exec:java -Dexec.mainClass=Presign`. */
public final class Presign {
    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of("../inputs.txt"))) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                presign(line.split(" "));
            }
        }
    }

    private static void presign(String[] input) {
        String label = input[0], key = input[1], secret = input[2], session = input[3];
        String region = input[4], host = input[5], date = input[6], cluster = input[7];
        AwsCredentialsIdentity identity = session.equals("-")
            ? AwsCredentialsIdentity.create(key, secret)
            : AwsSessionCredentialsIdentity.create(key, secret, session);
        SdkHttpRequest request = SdkHttpRequest.builder()
            .method(SdkHttpMethod.GET)
            .uri(URI.create("https://" + host + "/"))
            .putHeader("x-k8s-aws-id", cluster)
            .putRawQueryParameter("Action", "GetCallerIdentity")
            .putRawQueryParameter("Version", "2011-06-15")
            .build();
        SdkHttpRequest signed = AwsV4HttpSigner.create().sign(sign -> sign
            .identity(identity)
            .request(request)
            .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, "sts")
            .putProperty(AwsV4HttpSigner.REGION_NAME, region)
            .putProperty(AwsV4HttpSigner.AUTH_LOCATION, AuthLocation.QUERY_STRING)
            .putProperty(AwsV4HttpSigner.EXPIRATION_DURATION, Duration.ofSeconds(60))
            .putProperty(HttpSigner.SIGNING_CLOCK, Clock.fixed(Instant.parse(date), ZoneOffset.UTC))).request();
        System.out.printf("aws-sdk-java-v2 2.57.8 | %s | %s%n", label, signed.getUri());
    }
}
