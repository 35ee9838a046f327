// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.io.BufferedWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a list of cases with Typesafe Config and writes what it makes of each, as JSON.
 * Arguments: a JSON file (a list of objects with "file", a HOCON file, and "paths", lists of path elements), and the file to write.
 * Of each case it writes "parsed" (true, where the text is HOCON) and either "error" (the message, where it cannot be parsed or
 * resolved) or "values": for each path the resolved value as JSON, "null" for a null, and "" where there is none.
 */
public class Oracle {
    private static final ConfigRenderOptions JSON = ConfigRenderOptions.concise();

    public static void main(String[] arguments) throws Exception {
        Config cases = ConfigFactory.parseFile(Path.of(arguments[0]).toFile());
        try (BufferedWriter out = Files.newBufferedWriter(Path.of(arguments[1]), StandardCharsets.UTF_8)) {
            for (Config one : cases.getConfigList("cases")) {
                out.write(com.typesafe.config.ConfigValueFactory.fromMap(read(one)).render(JSON));
                out.write("\n");
            }
        }
    }

    private static Map<String, Object> read(Config one) {
        Map<String, Object> result = new LinkedHashMap<>();
        try {
            ConfigParseOptions options = ConfigParseOptions.defaults().setAllowMissing(false).setSyntax(ConfigSyntax.CONF);
            Config config = ConfigFactory.parseFile(Path.of(one.getString("file")).toFile(), options);
            result.put("parsed", true);
            config = config.resolve(ConfigResolveOptions.defaults());
            Map<String, Object> values = new LinkedHashMap<>();
            int number = 0;
            for (ConfigValue path : one.getList("paths")) {
                @SuppressWarnings("unchecked")
                List<String> elements = (List<String>) path.unwrapped();
                values.put(String.valueOf(number++), value(config, ConfigUtil.joinPath(elements)));
            }
            result.put("values", values);
        } catch (ConfigException error) {
            result.put("error", String.valueOf(error.getMessage()));
        }
        return result;
    }

    private static String value(Config config, String path) {
        if (!config.hasPathOrNull(path)) {
            return "";
        }
        return config.getIsNull(path) ? "null" : config.getValue(path).render(JSON);
    }
}
