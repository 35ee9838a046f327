// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** What the JVM that is attached to keeps for ever, and so as little as can be: it lets each console bring its own classes. */
public final class XitrumConsoleAgent {
    private XitrumConsoleAgent() {
    }

    public static void agentmain(String folder) throws Exception {
        List<URL> urls = new ArrayList<>();
        urls.add(new File(folder, "classes").toURI().toURL());
        for (String jar : Files.readAllLines(new File(folder, "jars").toPath())) {
            urls.add(new File(jar).toURI().toURL());
        }
        // The application's own compiler, where it has one, is loaded once for all consoles: it stays, and does not grow.
        ClassLoader loader = new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getSystemClassLoader());
        Class.forName("XitrumConsoleShell", true, loader).getMethod("open", String.class).invoke(null, folder);
    }
}
